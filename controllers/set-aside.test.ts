import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../src/api/kinds.ts';
import { ApiError } from '../src/kube/api-error.ts';
import { createCache } from '../src/kube/informer/cache.ts';
import { cachesOf } from '../test/builders/caches.ts';
import {
  aDeployment,
  aHost,
  aLease,
  anAppliance,
  anImportedTemplate,
  aPool,
  aService,
  aTemplate,
} from '../test/builders/objects.ts';
import { aLayer, anImport, aView } from '../test/builders/reports.ts';
import { expectCondition, expectStanding, STALLED } from '../test/expectations/conditions.ts';
import { DEFAULT_TIMINGS, type OperatorContext } from './context.ts';
import type { HostView } from './daemons/view.ts';
import { statusOf as hostStatusOf } from './host/status.ts';
import { overlapsOf, usageOf } from './ippool/usage.ts';
import { PlacementOutcomes } from './memory/placement-outcomes.ts';
import { amountObstacle, boundAppliances } from './objects/appliance.ts';
import { poolsWith, readPool } from './objects/pool-references.ts';
import { createPlacementController } from './placement/controller.ts';
import { chooseTemplate } from './servicedeployment/choose.ts';
import { Differences } from './servicedeployment/difference.ts';
import { survey } from './servicedeployment/survey.ts';
import { UnobservedWrites } from './servicedeployment/unobserved-writes.ts';
import { mapSettingAside } from './set-aside.ts';
import { createTemplateController } from './template/controller.ts';
import { conditionsOf } from './virtualappliance/conditions.ts';
import { desiredOf } from './virtualappliance/describe-vm.ts';

const log = pino({ level: 'silent' });
const signal = new AbortController().signal;
const NEVER_MIND = () => undefined;

/** Appliances as an API server may have them stored since before it refused such amounts. */
const POISONOUS: readonly (readonly [
  string,
  VirtualAppliance['spec']['resources'],
  string | number | undefined,
])[] = [
  ['a negative integer of CPU', { cpu: -1, memory: '256Mi' }, undefined],
  ['a negative string of CPU', { cpu: '-500m', memory: '256Mi' }, undefined],
  ['no CPU', { cpu: 0, memory: '256Mi' }, undefined],
  ['a negative integer of memory', { cpu: 1, memory: -1 }, undefined],
  ['words for memory', { cpu: 1, memory: 'plenty' }, undefined],
  ['a negative disk', { cpu: 1, memory: '256Mi' }, -1],
  ['an empty disk', { cpu: 1, memory: '256Mi' }, '0'],
];
const poisonous = (
  [, resources, size]: (typeof POISONOUS)[number],
  spec: Partial<VirtualAppliance['spec']> = {},
): VirtualAppliance =>
  anAppliance({
    metadata: { name: 'poisonous', creationTimestamp: '2025-01-01T00:00:00Z' },
    spec: { resources, disk: { mode: 'Incremental', ...(size === undefined ? {} : { size }) }, ...spec },
  });
const small = { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2 };

/** What one pass of placement binds, as name → host. */
async function place(appliances: readonly VirtualAppliance[], hosts = [aHost()], refused = '') {
  const bound = new Map<string, unknown>();
  const outcomes = new PlacementOutcomes();
  const context = {
    caches: cachesOf({ appliances, hosts, templates: [aTemplate()] }),
    views: { get: (name: string) => aView({ name }), list: () => [] },
    clock: { now: () => 0, monotonic: () => 0 },
    times: { recordPlacement: NEVER_MIND },
    outcomes,
    recorder: { record: NEVER_MIND },
    client: {
      patch: async (_ref: unknown, { name }: { name: string }, body: readonly { value: unknown }[]) => {
        if (name === refused) throw new ApiError({ status: 403, reason: 'Forbidden', message: 'not here' });
        bound.set(name, body.at(-1)?.value);
      },
    },
    log,
  } as unknown as OperatorContext;
  const result = await createPlacementController(context).reconcile('pass', signal);
  return { bound: Object.fromEntries(bound), result, outcomes };
}

it('waits for its template, whose needs of a host are not known before', async () => {
  const early = anAppliance({ metadata: { name: 'early' }, spec: { template: { name: 'later' } } });
  expect((await place([early, anAppliance()])).bound).toEqual({ 'web-0': 'host-a' });
});

describe.each(POISONOUS.map((one) => [one[0], one] as const))('an appliance with %s', (_, one) => {
  it('does not keep placement from the others', async () => {
    const good = anAppliance();
    expect((await place([poisonous(one), good])).bound).toEqual({ 'web-0': 'host-a' });
    const bound = poisonous(one, { hostName: 'host-a' });
    expect((await place([bound, good])).bound).toEqual({ 'web-0': 'host-a' });
  });

  it('says on itself what is wrong, with a host and without', () => {
    const pending = poisonous(one);
    const obstacle = amountObstacle(pending);
    const nothing = { report: undefined, isMissing: false, hostLost: undefined, refusal: undefined };
    const facts = { ...nothing, obstacle, now: 0 };
    const conditions = conditionsOf({ ...facts, appliance: pending });
    expectStanding(conditions, STALLED, 'InvalidAmount');
    expect(expectCondition(conditions, 'Placed', 'False', 'InvalidAmount')).toMatch(
      /^(resources|disk)\..*; correct it in spec/,
    );
    expect(() => desiredOf(poisonous(one, { hostName: 'host-a' }), aTemplate(), undefined)).toThrow(
      expect.objectContaining({ name: 'StalledError', reason: 'InvalidAmount' }),
    );
  });

  it('leaves its host a status, in which it counts as an appliance, and promises what can be read of it', () => {
    const bound = boundAppliances([poisonous(one), anAppliance()]);
    const [, { cpu, memory }] = one;
    const promised = {
      cpu: cpu === 1 ? '1500m' : '500m',
      memory: memory === '256Mi' ? '512Mi' : '256Mi',
    };
    const readiness = { status: 'True', reason: 'HostReady', message: '' } as const;
    const status = hostStatusOf({ host: aHost(), view: aView(), readiness, bound, unclaimed: [], now: 0 });
    expect(status).toMatchObject({ appliances: 2, promised });
    expect(bound[1]?.resources).toEqual(small);
  });
});

describe('a task', () => {
  const look = (
    services: readonly ReturnType<typeof aService>[],
    appliances: readonly VirtualAppliance[] = [],
  ) =>
    survey({
      deployment: aDeployment({ spec: { services: [...services] } }),
      appliances,
      templates: [aTemplate()],
      labels: [],
      images: [],
      templateOf: () => undefined,
      copiesOf: () => 0,
      unobserved: new UnobservedWrites(),
      differences: new Differences(),
      revisions: new Map(),
      taken: [],
    });
  const template = { name: 'debian' };
  const good = aService({ name: 'good', template });

  it.each(POISONOUS)('goes on with its other services when one has %s', (_, resources, size) => {
    const disk = { mode: 'Incremental' as const, ...(size === undefined ? {} : { size }) };
    const { services, plan } = look([aService({ name: 'bad', template, resources, disk }), good]);
    expect(services.map(({ obstacle }) => obstacle?.reason)).toEqual(['InvalidAmount', undefined]);
    expect(plan.create.map(({ spec }) => spec.service.name)).toEqual(['good']);
  });

  it.each(POISONOUS)('corrects an appliance with %s once its service has good amounts', (...one) => {
    const old = poisonous(one, { service: { name: 'good' } });
    const name = look([good]).plan.create[0]?.name ?? '';
    const { plan } = look([good], [{ ...old, metadata: { ...old.metadata, name } }]);
    expect(plan.update.map(({ current }) => current.metadata.name)).toEqual([name]);
  });
});

describe('one odd object among others', () => {
  it.each([-1, 0, 'plenty'])(
    "of templates, with %s for its guest's least memory, is named where it matters",
    (minimumMemory) => {
      const template = aTemplate({
        spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', minimumMemory } },
      });
      expect(() => desiredOf(anAppliance({ spec: { hostName: 'host-a' } }), template, undefined)).toThrow(
        expect.objectContaining({
          reason: 'InvalidAmount',
          message: expect.stringContaining('guest.minimumMemory of template default/debian'),
        }),
      );
    },
  );

  it('of templates does not decide what the others are worth', () => {
    const isReady = { type: 'Ready', status: 'True', reason: 'Test', message: '' } as const;
    const of = (version: string, lastUsedTime?: string) =>
      aTemplate({
        metadata: { name: `debian-${version}`, uid: version },
        spec: { series: 'debian', version },
        status: {
          conditions: [{ ...isReady, lastTransitionTime: '2026-01-01T00:00:00Z' }],
          ...(lastUsedTime === undefined ? {} : { lastUsedTime }),
        },
      });
    const templates = [of('1', '2026-01-01T00:00:00Z'), of('9', 'yesterday'), of('2')];
    const service = aService({ template: { series: 'debian' } });
    for (const order of [templates, templates.toReversed()])
      expect(chooseTemplate(aDeployment(), service, { templates: order, pinned: undefined })).toMatchObject({
        key: 'default/debian-1',
      });
  });

  it('of pools and leases leaves the others their numbers', () => {
    const odd = aPool({ metadata: { name: 'odd' }, spec: { prefix: 1.5 } });
    expect(readPool(odd)).toMatchObject({ problem: expect.stringContaining('the prefix is 1.5') });
    const address = { family: 'IPv4', value: 0x0a00_080bn } as const;
    expect(poolsWith([odd, aPool()], address)).toEqual(['default/lan']);
    expect(poolsWith([aPool()], undefined)).toEqual([]);
    const read = readPool(aPool());
    if ('problem' in read) throw new Error(read.problem);
    expect(overlapsOf(aPool(), read.pool, [odd])).toEqual([]);
    const usage = usageOf(read.pool, [aLease('somewhere'), aLease('10.0.8.10')], [aLease('nowhere')]);
    expect(usage).toEqual({ total: 3n, used: 2, free: 2n });
  });

  it('of a list is in the cache, without the index that cannot read it, and the others have theirs', () => {
    const odd = { ...anAppliance({ metadata: { name: 'odd' } }), spec: {} } as VirtualAppliance;
    const { appliances } = cachesOf({ appliances: [odd, anAppliance()] });
    expect(appliances.list().map(({ metadata }) => metadata.name)).toEqual(['odd', 'web-0']);
    expect(appliances.byIndex('template', 'default/debian')).toHaveLength(1);
    expect(appliances.byIndex('uid', 'uid-odd')).toHaveLength(1);
  });

  it('of a list is logged on its way in, and goes like any other', () => {
    const errors: unknown[] = [];
    const indexes = {
      odd: ({ metadata }: VirtualAppliance) => [metadata.labels?.x?.toUpperCase() as string],
    };
    const failing = {
      odd: (object: VirtualAppliance) => (object.metadata.name === 'odd' ? raise() : indexes.odd(object)),
    };
    const told = { ...log, error: (fields: unknown) => errors.push(fields) } as unknown as typeof log;
    const cache = createCache({ indexes: failing, log: told, onHandlerError: NEVER_MIND });
    cache.replaceAll([anAppliance({ metadata: { name: 'odd' } }), anAppliance()]);
    cache.replaceAll([anAppliance()]);
    expect(errors).toMatchObject([{ object: 'default/odd' }]);
    expect([...cache.store.keys()]).toEqual(['default/web-0']);
  });

  it('of hosts does not end a pass of placement', async () => {
    const odd = aHost({ metadata: { name: 'host-0' } });
    const hosts = [{ ...odd, spec: { ...odd.spec, thresholds: undefined } } as never, aHost()];
    expect((await place([anAppliance()], hosts)).bound).toEqual({ 'web-0': 'host-a' });
  });

  it('whose binding the API server refuses says so, and the others are bound', async () => {
    const appliances = [anAppliance({ metadata: { name: 'odd' } }), anAppliance()];
    const { bound, outcomes, result } = await place(appliances, [aHost()], 'odd');
    expect(bound).toEqual({ 'web-0': 'host-a' });
    expect(result.type).not.toBe('done');
    expect(outcomes.get('uid-odd')).toMatchObject({
      type: 'refused',
      refusal: { reason: 'Refused', message: expect.stringMatching(/to host host-a, .*: .*not here$/) },
    });
  });

  describe('of hosts does not keep a template from the others, and its status is written', () => {
    const distribution = { ...aTemplate().spec.distribution, minCopies: 3 };
    const metadata = { finalizers: ['coppice.dev/template'] };
    const views = ['host-a', 'host-b', 'host-c'].map((name) => aView({ name }));
    const asking = async (template: Template, all: readonly HostView[]) => {
      const asked: string[] = [];
      const written: unknown[] = [];
      const ask = async (name: string) => (name === 'host-a' ? raise() : asked.push(name));
      const context = {
        caches: cachesOf({
          templates: [template],
          hosts: all.map(({ name }) => aHost({ metadata: { name } })),
        }),
        views: { list: () => all, get: (name: string) => all.find((view) => view.name === name) },
        links: { client: (name: string) => ({ putImport: () => ask(name) }) },
        sharing: { copy: (_identity: string, { name }: HostView) => ask(name) },
        applier: { status: async (_ref: unknown, _object: unknown, status: unknown) => written.push(status) },
        clock: { now: () => 0, monotonic: () => 0 },
        timings: DEFAULT_TIMINGS,
        recorder: { record: NEVER_MIND },
      } as unknown as OperatorContext;
      const { reconcile } = createTemplateController(context);
      await expect(reconcile('default/debian', signal)).rejects.toThrow('odd');
      expect(written).toHaveLength(1);
      return asked;
    };

    it('when it refuses to import', async () => {
      expect(await asking(aTemplate({ metadata, spec: { distribution } }), views)).toEqual(['host-b']);
    });

    it('when it refuses the sources', async () => {
      const imported = [anImport({ state: 'Fetching', sources: [] })];
      const importing = views.map(({ name }) => aView({ name, imported }));
      expect(await asking(aTemplate({ metadata }), importing)).toEqual(['host-b', 'host-c']);
    });

    it('when it refuses to fetch', async () => {
      const template = anImportedTemplate({ metadata, spec: { distribution } });
      const source = aView({ name: 'host-d', holds: [aLayer()] });
      expect(await asking(template, [...views, source])).toEqual(['host-b']);
    });
  });

  it('is left out of what many are mapped to', () => {
    const names = mapSettingAside([aHost({ metadata: { name: 'odd' } }), aHost()], log, ({ metadata }) =>
      metadata.name === 'odd' ? raise() : metadata.name,
    );
    expect(names.map(({ result }) => result)).toEqual(['host-a']);
  });
});

function raise(): never {
  throw new Error('odd');
}
