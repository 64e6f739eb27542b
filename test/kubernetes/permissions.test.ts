import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONFIG_MAPS, IP_LEASES, TEMPLATE_FOLLOWS, TEMPLATE_LABELS, TEMPLATES } from '../../src/api/kinds.ts';
import { BUILD_LOG, subresourcePath, templatePath, UPLOAD } from '../../src/api/subresources.ts';
import type { ObjectName } from '../../src/base/object.ts';
import { createKubeClient } from '../../src/kube/client/create.ts';
import { LEASES } from '../../src/kube/election/lease-record.ts';
import type { Operator } from '../../src/main/operator.ts';
import { OBJECT_NAMES, PERMISSIONS, ruleOf } from '../../src/main/permissions.ts';
import { aFollow, aLabel } from '../builders/objects.ts';
import { expectStanding, READY } from '../expectations/conditions.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { World } from '../integration/operator/world.ts';
import type { ControlPlane } from './control-plane.ts';
import { AUTHORITY, enrolment, joinAs, SECRETS } from './joining.ts';
import { limitOperator, OPERATOR_ACCOUNT, OPERATOR_USER } from './operator-account.ts';
import { aggregate, STREAMS_SERVICE_NAME } from './streams.ts';
import { describeOnKubernetes } from './suite.ts';

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

const LEASE = { namespace: OPERATOR_ACCOUNT.namespace, name: OBJECT_NAMES.lease };

const FILES = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name: 'files' },
  data: { 'index.html': 'from a ConfigMap' },
};

await describeOnKubernetes('what the operator may do', () => {
  let world: World;

  beforeAll(async () => {
    const admissionPlugins = ['OwnerReferencesPermissionEnforcement'];
    world = await World.start({ controlPlane: { audit: true, admissionPlugins } });
    await live(world).catch(async (error: unknown) => {
      throw new Error(`the operator came to a stop; refused was: ${await refusals(world)}`, { cause: error });
    });
  });
  afterAll(() => world.stop());

  it('is enough: nothing is refused', async () => {
    expect(await refusals(world)).toBe('nothing');
  });

  it('is not too much: every verb is used', async () => {
    const used = new Set(
      (await audited(world)).flatMap((event) => [
        wordsOf(event),
        `${wordsOf(event)} ${event.objectRef?.name}`,
      ]),
    );
    const granted = PERMISSIONS.filter(({ isImplicit }) => isImplicit !== true).flatMap((permission) => {
      const { apiGroups, resources, resourceNames, verbs } = ruleOf(permission);
      const name = resourceNames === undefined ? '' : ` ${resourceNames[0]}`;
      return verbs.map((verb) => `${verb} ${resources[0]} of '${apiGroups[0]}'${name}`);
    });
    expect(granted.filter((words) => !used.has(words))).toEqual([]);
  });

  it('is no other Secret and no other Lease', async () => {
    const client = createKubeClient(world.api.operatorKubeConfig, { log: pino({ level: 'silent' }) });
    try {
      for (const [ref, { name, namespace }] of [[SECRETS, AUTHORITY] as const, [LEASES, LEASE] as const]) {
        await expect(client.get(ref, { namespace, name })).resolves.toMatchObject({ metadata: { name } });
        const other = client.get(ref, { namespace, name: 'another' });
        await expect(other).rejects.toMatchObject({ status: 403 });
      }
    } finally {
      await client.close();
    }
  });

  it('is asked for by the admission plugin of owner references, too', async () => {
    const operator = await world.newOperator();
    try {
      await ready(operator);
      await limitOperator(world.kube, ({ isImplicit }) => isImplicit !== true);
      await world.deploy('unowned');
      await eventually('the task says that it is refused', async () => {
        const { status } = await world.deployment('unowned');
        expect(JSON.stringify(status?.conditions)).toContain('blockOwnerDeletion');
      });
    } finally {
      await operator.close();
    }
  });
});

/** Everything an operator does in its life: all paths to the API server are walked once. */
async function live(world: World): Promise<void> {
  await world.addHost('host-a');
  await world.addTemplate('debian');
  const operator = await world.newOperator({ leaderElection: { namespace: 'default' } });
  try {
    await world.deploy('site', { replicas: 2 });
    await answers(world, 'site', 2);
    await world.change('site', { replicas: 1, package: { inline: { files: { 'index.html': 'changed' } } } });
    await answers(world, 'site', 1);
    await world.kube.create(CONFIG_MAPS, FILES);
    await world.change('site', { package: { configMap: { name: FILES.metadata.name } } });
    await answers(world, 'site', 1);
    await world.kube.patch(CONFIG_MAPS, FILES.metadata, { data: { 'index.html': 'changed again' } });
    await eventually('one content is kept', async () => {
      const labelSelector = 'coppice.dev/service-deployment=site';
      const { items } = await world.kube.list(CONFIG_MAPS, { namespace: 'default', labelSelector });
      expect(items.map(({ data }) => data)).toEqual([{ 'index.html': 'changed again' }]);
    });
    await world.addTemplate('unused', { spec: { lifecycle: { coolDown: '1s' } } });
    await eventually('the template that nothing uses is gone', async () =>
      expect(await world.kube.find(TEMPLATES, { namespace: 'default', name: 'unused' })).toBeUndefined(),
    );
    await answers(world, 'site', 1);
    await recall(world);
    await nameConflict(world);
    await followLabel(world);
    await haveAddress(world);
    for (let time = 0; time < 2; time += 1) await loseHost(world);
    await world.removeDeployment('site');
    await world.removeDeployment('taken');
    await world.clear();
    await world.removeHost('host-a');
    await eventually('a repeated Event is counted', async () => {
      expect((await audited(world)).map(wordsOf)).toContain("patch events of ''");
    });
  } finally {
    await operator.close();
  }
  await keepAuthority(world);
  await world.addHost('host-b');
  await world.addTemplate('debian');
}

async function ready({ metricsUrl }: Operator): Promise<void> {
  await eventually('the operator is ready', async () =>
    expect((await fetch(`${metricsUrl}/readyz`)).status).toBe(200),
  );
}

/**
 * The first operator makes the authority of the hosts, the second one finds it; a host joins both, and the API server trusts both by
 * that authority.
 */
async function keepAuthority(world: World): Promise<void> {
  const port = await world.freePort();
  await aggregate(world.kube, { port });
  for (let time = 0; time < 2; time += 1) {
    const joining = await enrolment(world);
    const operator = await world.newOperator({
      hostTls: { secret: AUTHORITY },
      enrolment: joining.config,
      streams: { listen: { host: '127.0.0.1', port }, identity: { serviceName: STREAMS_SERVICE_NAME } },
    });
    try {
      await ready(operator);
      await joinAs(world, joining.url, 'host-c');
      await eventually('the API server passes requests for streams on', async () => {
        const asking = world.kube.getRaw(subresourcePath('default', 'none', 'log'));
        await expect(asking).rejects.toThrow('virtualappliances.coppice.dev "none" not found');
        const upload = world.kube.getRaw(templatePath(UPLOAD, 'default', 'none'));
        await expect(upload).rejects.toThrow('templates.coppice.dev "none" not found');
        const log = world.kube.getRaw(templatePath(BUILD_LOG, 'default', 'none'));
        await expect(log).rejects.toThrow('templates.coppice.dev "none" not found');
      });
    } finally {
      await operator.close();
    }
  }
}

async function answers(world: World, name: string, replicas: number): Promise<void> {
  await eventually(`${replicas} of ${name} answer`, async () => {
    const { status, metadata } = await world.deployment(name);
    expectStanding(status?.conditions, READY, 'Deployed');
    expect(status).toMatchObject({
      observedGeneration: metadata.generation,
      replicas,
      readyReplicas: replicas,
    });
  });
}

/** Its image is made, and it starts again from that. */
async function recall(world: World): Promise<void> {
  await world.change('site', {}, { state: 'Recalled', recall: { save: true } });
  await eventually('it is recalled', async () =>
    expectStanding((await world.deployment('site')).status?.conditions, READY, 'Recalled'),
  );
  await world.change('site', {}, { state: 'Deployed' });
  await answers(world, 'site', 1);
}

/** Both report how they are. */
async function followLabel({ kube }: World): Promise<void> {
  const { metadata, ...label } = aLabel({ spec: { templates: ['debian'], visibility: 'Cluster' } });
  const { metadata: followed, ...follow } = aFollow('bea', ['default/lamp']);
  const named = ({ name, namespace }: ObjectName) => ({ name, namespace });
  await kube.create(TEMPLATE_LABELS, { ...label, metadata: named(metadata) as typeof metadata });
  await kube.create(TEMPLATE_FOLLOWS, { ...follow, metadata: named(followed) as typeof followed });
  await eventually('both are Ready', async () => {
    expectStanding((await kube.get(TEMPLATE_LABELS, named(metadata))).status?.conditions, READY, 'Available');
    expectStanding(
      (await kube.get(TEMPLATE_FOLLOWS, named(followed))).status?.conditions,
      READY,
      'Available',
    );
  });
}

/** An appliance of that name is there already, and belongs to nobody. */
async function nameConflict(world: World): Promise<void> {
  await world.addAppliance('taken-web-0');
  await world.deploy('taken');
  await eventually('the conflict is reported', async () => {
    const ready = (await world.deployment('taken')).status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.reason).toBe('NameConflict');
  });
}

/** An appliance gets an address, and gets it back when its lease is torn out. */
async function haveAddress(world: World): Promise<void> {
  await world.addPool('lan');
  await world.addAppliance('bridged', { network: { pool: 'lan' } });
  const lease = async () => {
    const [first] = await world.leases();
    if (first === undefined) throw new Error('there is none');
    return first.metadata;
  };
  const { name, uid } = await eventually('there is a lease', lease);
  await eventually('the status has it', async () =>
    expect((await world.appliance('bridged')).status?.network).toBeDefined(),
  );
  await world.kube.delete(IP_LEASES, { name });
  await world.kube.patch(IP_LEASES, { name }, { metadata: { finalizers: [] } });
  await eventually('it is made again', async () => expect((await lease()).uid).not.toBe(uid));
}

async function loseHost(world: World): Promise<void> {
  const readiness = async (status: string) =>
    await eventually(`host-a's readiness is ${status}`, async () => {
      const ready = (await world.host('host-a')).status?.conditions?.find(({ type }) => type === 'Ready');
      expect(ready?.status).toBe(status);
    });
  await world.daemons.stop('host-a');
  await readiness('False');
  await world.daemons.restart('host-a');
  await readiness('True');
}

/** What the operator asked of the API server so far, less what everyone who is logged in may ask. */
async function audited(world: World): Promise<AuditEvent[]> {
  const text = await readFile((world.api as typeof world.api & ControlPlane).auditLogPath, 'utf8');
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user, objectRef }) => user.username === OPERATOR_USER && objectRef !== undefined);
}

async function refusals(world: World): Promise<string> {
  const refused = (await audited(world)).filter(({ responseStatus }) => responseStatus?.code === 403);
  return [...new Set(refused.map(wordsOf))].join(', ') || 'nothing';
}

function wordsOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {};
  return `${verb} ${subresource === undefined ? resource : `${resource}/${subresource}`} of '${apiGroup}'`;
}
