import { describe, expect, it } from 'vitest';
import type { Condition } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { aDeployment, anAppliance, aService } from '../../test/builders/objects.ts';
import { Differences, differenceOf, updated } from './difference.ts';
import { type PlanInput, planService } from './plan.ts';
import type { Service } from './services.ts';
import { UnobservedWrites } from './unobserved-writes.ts';
import { type WantedAppliance, wantedAppliances } from './wanted.ts';

function wantedFor(service: Partial<Service>): WantedAppliance[] {
  return wantedAppliances(
    aDeployment(),
    aService(service),
    () => 'default/debian',
    () => undefined,
  );
}

/** An appliance as the task `shop` made it, answering or not. */
function existing(
  ordinal: number,
  change: {
    answers?: boolean | 'unknown';
    /** The reason that Ready is False. */
    trouble?: string;
    /** Of its spec; its conditions are about the first. */
    generation?: number;
    spec?: Partial<VirtualAppliance['spec']>;
    going?: boolean;
  } = {},
) {
  const [wanted] = wantedFor({ replicas: ordinal + 1 }).slice(ordinal);
  if (wanted === undefined) throw new Error(`nothing is wanted for ${ordinal}`);
  const { answers = true, trouble, generation = 1, spec = {}, going = false } = change;
  const available = answers === 'unknown' ? 'Unknown' : answers ? 'True' : 'False';
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const common = { message: '', observedGeneration: 1, lastTransitionTime };
  const conditions: Condition[] = [
    { ...common, type: 'Available', status: available, reason: 'Test' },
    {
      ...common,
      type: 'Ready',
      status: trouble === undefined ? available : 'False',
      reason: trouble ?? 'Test',
    },
  ];
  return anAppliance({
    metadata: {
      name: wanted.name,
      labels: { ...wanted.labels },
      generation,
      ...(going ? { deletionTimestamp: lastTransitionTime } : {}),
    },
    spec: { ...wanted.spec, ...spec },
    status: { conditions },
  });
}

function plan(input: Partial<PlanInput>) {
  const { create, update, remove, replace, asDeclared, held } = planService({
    wanted: [],
    existing: [],
    maxUnavailable: 1,
    isUnobserved: () => false,
    differenceOf,
    ...input,
  });
  return {
    create: create.map(({ name }) => name),
    update: update.map(({ wanted }) => wanted.name),
    remove: remove.map(({ metadata }) => metadata.name),
    replace: replace.map(({ wanted }) => wanted.name),
    asDeclared,
    held,
  };
}

const nothing = { create: [], update: [], remove: [], replace: [], held: 0 };
const otherPackage = { package: { inline: { files: { a: 'b' } } } };
const more = { resources: { cpu: '2', memory: '1Gi' } };

describe('the plan of a service', () => {
  it('is empty when all is as declared', () => {
    const wanted = wantedFor({ replicas: 2 });
    expect(plan({ wanted, existing: [existing(0), existing(1)] })).toEqual({ ...nothing, asDeclared: 2 });
  });

  it('creates what is missing, all at once, and not what is still being deleted', () => {
    const wanted = wantedFor({ replicas: 4 });
    const found = plan({ wanted, existing: [existing(0), existing(2, { going: true })] });
    expect(found).toEqual({ ...nothing, create: ['shop-web-1', 'shop-web-3'], asDeclared: 1 });
  });

  it('removes what is no longer declared', () => {
    const found = plan({
      wanted: wantedFor({ replicas: 1 }),
      existing: [existing(0), existing(1), existing(2)],
    });
    expect(found).toEqual({ ...nothing, remove: ['shop-web-1', 'shop-web-2'], asDeclared: 1 });
  });

  it('changes one after the other, from the highest ordinal, and only as many as may be unavailable', () => {
    const wanted = wantedFor({ replicas: 3, ...otherPackage });
    const all = [existing(0), existing(1), existing(2)];
    expect(plan({ wanted, existing: all })).toEqual({
      ...nothing,
      update: ['shop-web-2'],
      asDeclared: 0,
      held: 2,
    });
    expect(plan({ wanted, existing: all, maxUnavailable: 2 }).update).toEqual(['shop-web-2', 'shop-web-1']);
  });

  it('waits while one is unavailable, and changes those that do not answer anyway', () => {
    const wanted = wantedFor({ replicas: 3, ...otherPackage });
    const changed = existing(2, { spec: otherPackage, answers: false });
    expect(plan({ wanted, existing: [existing(0), existing(1), changed] })).toEqual({
      ...nothing,
      asDeclared: 0,
      held: 2,
    });
    const silent = existing(1, { answers: false });
    expect(plan({ wanted, existing: [existing(0), silent, existing(2)] }).update).toEqual(['shop-web-1']);
  });

  it('waits from the moment a change is written until the service has answered after it', () => {
    const wanted = wantedFor({ replicas: 2, ...otherPackage });
    const others = existing(0);
    for (const second of [
      // Written; its conditions are about the spec before.
      existing(1, { spec: otherPackage, generation: 2 }),
      // Received, and the old service still answers.
      existing(1, { spec: otherPackage, trouble: 'Updating' }),
      existing(1, { spec: otherPackage, trouble: 'ContainerReady' }),
      // The change failed, and the old service answers for good.
      existing(1, { spec: otherPackage, trouble: 'DigestMismatch' }),
      // Its host is lost.
      existing(1, { spec: otherPackage, answers: 'unknown' }),
    ])
      expect(plan({ wanted, existing: [others, second] })).toEqual({ ...nothing, asDeclared: 0, held: 1 });
  });

  it('waits also while an older change of another one is under way', () => {
    const wanted = wantedFor({ replicas: 2, ...otherPackage });
    const halfway = existing(1, {
      spec: { package: { inline: { files: { a: 'a' } } } },
      trouble: 'Updating',
    });
    expect(plan({ wanted, existing: [existing(0), halfway] })).toEqual({
      ...nothing,
      asDeclared: 0,
      held: 2,
    });
  });

  it('puts overwritten labels back at once, in all, and does nothing else about them', () => {
    const labels = { 'coppice.dev/service': 'x', 'coppice.dev/service-deployment': 'y' };
    const overwritten = [0, 1, 2].map((ordinal) => {
      const one = existing(ordinal);
      return { ...one, metadata: { ...one.metadata, labels } };
    });
    const wanted = wantedFor({ replicas: 3 });
    const found = planService({
      ...{ wanted, existing: overwritten, maxUnavailable: 1, isUnobserved: () => false, differenceOf },
    });
    expect(found).toMatchObject({ create: [], remove: [], held: 0, asDeclared: 3 });
    const after = found.update.map(({ current, wanted: one }) => updated(current, one));
    expect(after.map((one) => one.metadata.labels)).toMatchObject(wanted.map((one) => one.labels));
  });

  it('takes down one after the other of those that serve, whatever else is wrong with them', () => {
    const serving = [0, 1, 2, 3].map((ordinal) => existing(ordinal, { trouble: 'ConfigMapNotFound' }));
    expect(plan({ wanted: wantedFor({ replicas: 4, ...more }), existing: serving })).toEqual({
      ...nothing,
      update: ['shop-web-3'],
      asDeclared: 0,
      held: 3,
    });
  });

  it('goes on with a corrected change where the last one failed', () => {
    const failed = existing(0, {
      trouble: 'DigestMismatch',
      spec: { package: { inline: { files: { a: '?' } } } },
    });
    const wanted = wantedFor({ replicas: 3, ...otherPackage });
    expect(plan({ wanted, existing: [failed, existing(1), existing(2)] }).update).toEqual(['shop-web-0']);
  });

  it('does not take what it knows nothing of for what does not answer', () => {
    const lost = [0, 1, 2].map((ordinal) => existing(ordinal, { answers: 'unknown' }));
    const wanted = wantedFor({ replicas: 3, ...otherPackage });
    expect(plan({ wanted, existing: lost })).toEqual({ ...nothing, asDeclared: 0, held: 3 });
  });

  it('replaces an appliance when the VM itself must change', () => {
    const wanted = wantedAppliances(
      aDeployment(),
      aService({ replicas: 2 }),
      () => 'default/other',
      () => undefined,
    );
    expect(plan({ wanted, existing: [existing(0), existing(1)] })).toEqual({
      ...nothing,
      replace: ['shop-web-1'],
      asDeclared: 0,
      held: 1,
    });
  });

  it('leaves alone what was just written, and counts it as unavailable', () => {
    const wanted = wantedFor({ replicas: 2, ...more });
    const all = [existing(0), existing(1)];
    const isUnobserved = ({ metadata }: VirtualAppliance) => metadata.name === 'shop-web-1';
    expect(plan({ wanted, existing: all, isUnobserved })).toEqual({ ...nothing, asDeclared: 0, held: 1 });
  });
});

describe('the difference of an appliance', () => {
  const [wanted] = wantedFor({});
  const differenceWith = (spec: Partial<VirtualAppliance['spec']>) =>
    wanted === undefined ? undefined : differenceOf(existing(0, { spec }), wanted);

  it.each([
    ['none', { resources: { cpu: 0.5, memory: 268_435_456 } }],
    ['none', { template: { name: 'debian', namespace: 'default' } }],
    ['none', { hostName: 'host-a', powerState: 'Stopped' }],
    ['none', { network: {} }],
    ['update', { parameters: { env: { A: 'b' } } }],
    ['update', { timeouts: { agentSeconds: 10, serviceSeconds: 10 } }],
    ['update', { placement: { hosts: ['host-b'] } }],
    ['replace', { template: { name: 'other' } }],
    ['update', { resources: { cpu: '1', memory: '256Mi' } }],
    ['none', { disk: { mode: 'Incremental', size: '8Gi' } }],
    ['replace', { disk: { mode: 'Clone' } }],
    ['replace', { network: { pool: 'lan' } }],
    ['replace', { network: { mode: 'User', ports: [{ name: 'admin', port: 9000 }] } }],
  ] as const)('is %s for %j', (difference, spec) => {
    expect(differenceWith(spec as Partial<VirtualAppliance['spec']>)).toBe(difference);
  });

  it.each([
    ['4Gi', undefined, '4Gi', 'update'],
    ['8Gi', '4Gi', '8Gi', 'update'],
    ['4096Mi', '4Gi', '4Gi', 'none'],
    ['4Gi', '8Gi', '8Gi', 'none'],
    [undefined, '8Gi', '8Gi', 'none'],
  ] as const)(
    'lets a disk of size %s asked, %s present only grow: %s',
    (asked, present, after, difference) => {
      const diskOf = (size: string | undefined) => ({
        mode: 'Incremental' as const,
        ...(size === undefined ? {} : { size }),
      });
      const [wished] = wantedFor({ disk: diskOf(asked) });
      if (wished === undefined) throw new Error('nothing is wanted');
      const current = existing(0, { spec: { disk: diskOf(present) } });
      expect(differenceOf(current, wished)).toBe(difference);
      expect(updated(current, wished).spec.disk).toEqual(diskOf(after));
    },
  );

  it('lets a second disk be added and grow, and never takes it away', () => {
    const diskOf = (bytes: string | undefined) => ({
      mode: 'Incremental' as const,
      ...(bytes === undefined ? {} : { data: { size: bytes } }),
    });
    const cases = [
      ['1Gi', undefined, '1Gi', 'update'],
      ['2Gi', '1Gi', '2Gi', 'update'],
      ['1024Mi', '1Gi', '1Gi', 'none'],
      [undefined, '1Gi', '1Gi', 'none'],
    ] as const;
    for (const [asked, present, after, difference] of cases) {
      const [wished] = wantedFor({ disk: diskOf(asked) });
      if (wished === undefined) throw new Error('nothing is wanted');
      const current = existing(0, { spec: { disk: diskOf(present) } });
      expect(differenceOf(current, wished)).toBe(difference);
      expect(updated(current, wished).spec.disk).toEqual(diskOf(after));
    }
  });

  it('is gone after an update, which does not change host and power state', () => {
    if (wanted === undefined) throw new Error('nothing is wanted');
    const spec = { ...otherPackage, hostName: 'host-a', powerState: 'Stopped' } as const;
    const after = updated(existing(0, { spec }), wanted);
    expect(differenceOf(after, wanted)).toBe('none');
    expect(after.spec).toMatchObject({ hostName: 'host-a', powerState: 'Stopped' });
  });
});

describe('UnobservedWrites', () => {
  it('knows what was written until the cache shows another version', () => {
    const unobserved = new UnobservedWrites();
    const before = existing(0);
    expect(unobserved.has(before)).toBe(false);
    unobserved.add(before);
    expect(unobserved.has(before)).toBe(true);
    const after = { ...before, metadata: { ...before.metadata, resourceVersion: '2' } };
    expect(unobserved.has(after)).toBe(false);
    expect(unobserved.has(before), 'forgotten once seen').toBe(false);
    unobserved.add(before);
    unobserved.forget(before);
    expect(unobserved.has(before)).toBe(false);
  });
});

describe('the remembered differences', () => {
  const [service, other] = [aService(), aService({ resources: { cpu: '2', memory: '256Mi' } })];
  const wantedOf = (one: Service, template = 'default/debian') => {
    const [wanted] = wantedAppliances(
      aDeployment({ spec: { services: [one] } }),
      one,
      () => template,
      () => undefined,
    );
    if (wanted === undefined) throw new Error('nothing is wanted');
    return wanted;
  };

  it('equal those computed again, whatever was asked before', () => {
    const differences = new Differences();
    const appliance = existing(0);
    const of = (one: Service, template = 'default/debian') =>
      differences.of(appliance, wantedOf(one, template), { service: one, template });
    expect([of(service), of(service), of(other), of(service)]).toEqual(['none', 'none', 'update', 'none']);
    expect(of(aService({ ...other, strategy: 'Replace' }))).toBe('replace');
    expect(of(aService({ strategy: 'Replace' })), 'without a difference').toBe('none');
    expect(of(service, 'default/other')).toBe('replace');
    const renamed = aService({ parameters: { hostname: 'web' } });
    expect(of(renamed)).toBe('update');
  });
});
