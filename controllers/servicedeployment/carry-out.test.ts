import { beforeEach, describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { controllerReference } from '../../src/base/object.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { createExpectations } from '../../src/kube/controller/expectations.ts';
import { aDeployment, anAppliance, aService } from '../../test/builders/objects.ts';
import { carryOut } from './carry-out.ts';
import type { Dependencies } from './dependencies.ts';
import { NOTHING, type Plan } from './plan.ts';
import { UnobservedWrites } from './unobserved-writes.ts';
import { wantedAppliances } from './wanted.ts';

const deployment = aDeployment();
const wanted = wantedAppliances(
  deployment,
  aService({ replicas: 3 }),
  () => 'default/debian',
  () => undefined,
);

function refused(status: number, reason: string): ApiError {
  return new ApiError({ status, reason, message: reason });
}

describe('carryOut', () => {
  let calls: string[];
  let failures: Map<string, ApiError>;
  let there: VirtualAppliance | undefined;
  let dependencies: Dependencies;

  beforeEach(() => {
    calls = [];
    failures = new Map();
    there = undefined;
    const note = (call: string) => {
      calls.push(call);
      const failure = failures.get(call);
      if (failure !== undefined) throw failure;
    };
    dependencies = {
      expectations: createExpectations(systemClock),
      unobserved: new UnobservedWrites(),
      recorder: {
        record: (about, { reason, message }) =>
          void calls.push(`event ${about.metadata.name} ${reason} ${message}`),
      },
      client: {
        create: async (_ref, object) => {
          note(`create ${object.metadata.name}`);
          return object;
        },
        replace: async (_ref, object) => {
          note(`replace ${object.metadata.name}`);
          return object;
        },
        delete: async (_ref, { name }, options) => {
          expect(options?.preconditions).toEqual({ uid: `uid-${name}`, resourceVersion: '1' });
          note(`delete ${name}`);
        },
        find: async <T>() => there as T | undefined,
      },
    };
  });

  const run = (plan: Partial<Plan>) =>
    carryOut(dependencies, deployment, { ...NOTHING, ...plan }, new AbortController().signal);

  it('creates, and expects to see what it created', async () => {
    expect(await run({ create: wanted })).toEqual([]);
    expect(calls).toEqual([
      'create shop-web-0',
      'create shop-web-1',
      'create shop-web-2',
      'event shop SuccessfulCreate created 3 appliances: shop-web-0, shop-web-1, shop-web-2',
    ]);
    expect(dependencies.expectations.satisfied('default/shop')).toBe(false);
    for (const { name } of wanted) dependencies.expectations.creationObserved('default/shop', name);
    expect(dependencies.expectations.satisfied('default/shop')).toBe(true);
  });

  it('expects to see nothing that was not created', async () => {
    failures.set('create shop-web-0', refused(403, 'Forbidden'));
    await expect(run({ create: wanted })).rejects.toThrow('Forbidden');
    expect(calls, 'no more is tried after the first refusal').toEqual(['create shop-web-0']);
    expect(dependencies.expectations.satisfied('default/shop')).toBe(true);
  });

  it('treats an existing appliance as its own only when it controls it', async () => {
    failures.set('create shop-web-1', refused(409, 'AlreadyExists'));
    there = anAppliance({
      metadata: { name: 'shop-web-1', ownerReferences: [controllerReference(deployment)] },
    });
    expect(await run({ create: wanted })).toEqual([]);
    expect(calls.at(-1), 'one Event, of those that it created').toMatch(
      /created 2 .*: shop-web-0, shop-web-2$/,
    );
    there = anAppliance({ metadata: { name: 'shop-web-1' } });
    expect(await run({ create: wanted })).toEqual([{ name: 'shop-web-1', owner: undefined }]);
    const other = aDeployment({ metadata: { name: 'shop-web', uid: 'uid-other' } });
    there = anAppliance({ metadata: { name: 'shop-web-1', ownerReferences: [controllerReference(other)] } });
    expect(await run({ create: wanted })).toEqual([
      { name: 'shop-web-1', owner: 'of ServiceDeployment shop-web' },
    ]);
  });

  it.each([
    [
      'of a task of the same name that was deleted',
      { ownerReferences: [{ ...controllerReference(deployment), uid: 'x' }] },
    ],
    ['of anybody that is going', { deletionTimestamp: '2026-01-01T00:00:00Z' }],
  ])('waits for the appliance %s, without a conflict', async (_whose, metadata) => {
    failures.set('create shop-web-1', refused(409, 'AlreadyExists'));
    there = anAppliance({ metadata: { name: 'shop-web-1', ...metadata } });
    await expect(run({ create: wanted })).rejects.toThrow(TransientError);
  });

  it('tries a name again that became free meanwhile', async () => {
    failures.set('create shop-web-1', refused(409, 'AlreadyExists'));
    await expect(run({ create: wanted })).rejects.toThrow(TransientError);
  });

  it('records what it changed, and leaves to the next reconcile what somebody else changed meanwhile', async () => {
    const [first, second] = [anAppliance(), anAppliance({ metadata: { name: 'web-1' } })];
    const [want] = wanted;
    if (want === undefined) throw new Error('nothing is wanted');
    failures.set('delete web-1', refused(409, 'Conflict'));
    const third = anAppliance({ metadata: { name: 'web-2' } });
    await run({ remove: [second, third], update: [{ current: first, wanted: want }] });
    const told = 'event shop SuccessfulDelete deleted appliance web-2';
    expect(calls).toEqual(['delete web-1', 'delete web-2', told, 'replace web-0']);
    expect([dependencies.unobserved.has(first), dependencies.unobserved.has(second)]).toEqual([true, false]);
  });

  it('says what is discarded before an appliance is replaced', async () => {
    const [one] = wantedAppliances(
      deployment,
      aService(),
      () => 'default/other',
      () => undefined,
    );
    if (one === undefined) throw new Error('nothing is wanted');
    const current = anAppliance({ metadata: { name: 'shop-web-0' } });
    await run({ replace: [{ current, wanted: one }] });
    expect(calls).toEqual([
      expect.stringMatching(
        /^event shop Replacing appliance shop-web-0 .* its template changes: its disk is discarded/,
      ),
      'delete shop-web-0',
      'event shop SuccessfulDelete deleted appliance shop-web-0',
    ]);
  });

  it('tells of those that it deleted and created before the API server refused another', async () => {
    failures.set('delete web-1', refused(403, 'Forbidden'));
    const going = ['web-0', 'web-1'].map((name) => anAppliance({ metadata: { name } }));
    await expect(run({ remove: going })).rejects.toThrow('Forbidden');
    expect(calls.at(-1)).toBe('event shop SuccessfulDelete deleted appliance web-0');
    failures.set('create shop-web-1', refused(403, 'Forbidden'));
    await expect(run({ create: wanted })).rejects.toThrow('Forbidden');
    expect(calls.at(-1)).toBe('event shop SuccessfulCreate created 2 appliances: shop-web-0, shop-web-2');
  });
});
