/**
 * `npm run record:gitops`: brings Coppice into each of the states that the health check for Argo CD is tried on, and writes
 * the objects as the API server returns them into `recorded.yaml`. The hosts are simulated, everything else is real.
 */
import { rename, writeFile } from 'node:fs/promises';
import { dump } from 'js-yaml';
import { type Condition, findCondition } from '../../src/api/conditions.ts';
import {
  HOSTS,
  IP_LEASES,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { World } from '../integration/operator/world.ts';

const FILE = new URL('recorded.yaml', import.meta.url);
const HEAD = `# Objects of Coppice in each of their states, as an API server returned them, less what says nothing about health.
# Made by npm run record:gitops (test/gitops/record.ts) from a run of the operator.
`;
const NAMESPACE = 'default';

interface Judged extends KubeObject {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: Condition[] };
}

/** Notes objects as they are at a moment, in order. */
class Recorder {
  readonly #world: World;
  readonly #recorded: { readonly state: string; readonly object: object }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** As the object is now. */
  async note(state: string, ref: ResourceRef<Judged>, name: string): Promise<void> {
    this.#recorded.push({ state, object: essenceOf(await this.#get(ref, name)) });
  }

  /** Once its Ready has that reason, said of its present spec. */
  async await(state: string, ref: ResourceRef<Judged>, name: string, reason: string): Promise<void> {
    const object = await eventually(`${ref.kind} ${name} says ${reason}`, async () => {
      const found = await this.#get(ref, name);
      const ready = findCondition(found.status?.conditions, 'Ready');
      if (ready?.reason === reason && ready.observedGeneration === found.metadata.generation) return found;
      throw new Error(`it says ${JSON.stringify(ready)}`);
    });
    this.#recorded.push({ state, object: essenceOf(object) });
  }

  toYaml(): string {
    return HEAD + dump(this.#recorded, { lineWidth: -1, noRefs: true });
  }

  async #get(ref: ResourceRef<Judged>, name: string): Promise<Judged> {
    return await this.#world.kube.get(ref, { name, ...(ref.namespaced ? { namespace: NAMESPACE } : {}) });
  }
}

/** What of an object a health check may judge by. */
function essenceOf({ apiVersion, kind, metadata, status }: Judged): object {
  const { name, namespace, generation, deletionTimestamp } = metadata;
  const judged = status && { observedGeneration: status.observedGeneration, conditions: status.conditions };
  return JSON.parse(
    JSON.stringify({
      apiVersion,
      kind,
      metadata: { name, namespace, generation, deletionTimestamp },
      status: judged,
    }),
  );
}

async function recordLife(world: World, recorder: Recorder): Promise<void> {
  await world.addTemplate('debian');
  await world.addPool('lan');
  await world.deploy('shop');
  await recorder.note('a task that nobody looked at yet', SERVICE_DEPLOYMENTS, 'shop');
  await world.startOperator();
  await recorder.await('a task that waits for a host', SERVICE_DEPLOYMENTS, 'shop', 'NoHosts');
  await world.addHost('host-a');
  await recorder.await('a task whose services answer', SERVICE_DEPLOYMENTS, 'shop', 'Deployed');
  await recorder.await('a host that works', HOSTS, 'host-a', 'HostReady');
  await recorder.await('a template that can be used', TEMPLATES, 'debian', 'Available');
  await recorder.await('an appliance that answers', VIRTUAL_APPLIANCES, 'shop-web-0', 'ServiceAvailable');
  await world.addAppliance('bridged', { network: { pool: 'lan' } });
  const [lease] = await eventually('an address is given', async () => {
    const leases = await world.leases();
    if (leases.length === 0) throw new Error('there is no lease');
    return leases;
  });
  await recorder.note('an address that is given', IP_LEASES, lease?.metadata.name ?? '');
  await recorder.await('a pool that has addresses', IP_POOLS, 'lan', 'Available');
  await world.stopOperator();
  await world.change('shop', { replicas: 2 });
  await recorder.note('a task that was changed since', SERVICE_DEPLOYMENTS, 'shop');
  await world.startOperator();
}

async function recordWishes(world: World, recorder: Recorder): Promise<void> {
  await world.addAppliance('stopped', { powerState: 'Stopped' });
  await recorder.await('an appliance that is stopped, as asked', VIRTUAL_APPLIANCES, 'stopped', 'Stopped');
  await world.addTemplate('large', { spec: { guest: { minimumMemory: '8Gi' } } });
  await world.deploy('big', { template: { name: 'large' } });
  await recorder.await('a task that cannot be carried out', SERVICE_DEPLOYMENTS, 'big', 'MemoryBelowMinimum');
  await world.deploy('old', {}, { state: 'Recalled' });
  await recorder.await('a task that is recalled', SERVICE_DEPLOYMENTS, 'old', 'Recalled');
  await world.kube.delete(TEMPLATES, { namespace: NAMESPACE, name: 'debian' });
  await recorder.await('a template that waits for its users to go', TEMPLATES, 'debian', 'InUse');
  await world.kube.delete(IP_POOLS, { namespace: NAMESPACE, name: 'lan' });
  await recorder.await('a pool that waits for its addresses', IP_POOLS, 'lan', 'InUse');
}

async function recordAbsence(world: World, recorder: Recorder): Promise<void> {
  await world.daemons.stop('host-a');
  await recorder.await('a host that does not answer', HOSTS, 'host-a', 'HostUnreachable');
  const unknown = 'an appliance of which nobody knows how it is';
  await recorder.await(unknown, VIRTUAL_APPLIANCES, 'shop-web-0', 'HostUnreachable');
}

const world = await World.start();
try {
  const recorder = new Recorder(world);
  await recordLife(world, recorder);
  await recordWishes(world, recorder);
  await recordAbsence(world, recorder);
  const unfinished = new URL('recorded.yaml.tmp', import.meta.url);
  await writeFile(unfinished, recorder.toYaml());
  await rename(unfinished, FILE);
} finally {
  await world.stop();
}
