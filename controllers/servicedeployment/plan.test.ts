import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { aDeployment, aService } from '../../test/builders/objects.ts';
import { existing, wantedFor } from '../../test/builders/wanted.ts';
import { differenceOf, updated } from './difference.ts';
import { type PlanInput, planService } from './plan.ts';
import { UnobservedWrites } from './unobserved-writes.ts';
import { wantedAppliances } from './wanted.ts';

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
