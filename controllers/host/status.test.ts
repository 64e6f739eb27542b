import { describe, expect, it } from 'vitest';
import { aHost } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView, LAYER } from '../../test/builders/reports.ts';
import { expectCondition, expectStanding, READY } from '../../test/expectations/conditions.ts';
import { type HostFacts, statusOf, urgencyOf } from './status.ts';

const MEBI = 1024 ** 2;

function facts(overrides: Partial<HostFacts> = {}): HostFacts {
  return {
    host: aHost(),
    view: aView({ lastSeen: 1000, holds: [aLayer()] }),
    readiness: { status: 'True', reason: 'HostReady', message: 'it answers' },
    bound: [
      { uid: 'a', resources: { cpuMillis: 500, memoryBytes: 256 * MEBI } },
      { uid: 'b', resources: { cpuMillis: 1000, memoryBytes: 512 * MEBI } },
    ],
    unclaimed: [],
    now: 2000,
    ...overrides,
  };
}

describe('the status of a host', () => {
  it('says what it has, what is reserved, and which layers it has', () => {
    const status = statusOf(facts());
    expect(status).toMatchObject({
      capacity: { cpu: '8', memory: '16Gi', disk: '100Gi' },
      used: { cpu: '0', memory: '0', disk: '0' },
      promised: { cpu: '1500m', memory: '768Mi' },
      appliances: 2,
      layers: [{ identity: LAYER, kind: 'disk', state: 'Ready' }],
      lastSeenTime: '1970-01-01T00:00:01.000Z',
      observedGeneration: 1,
    });
    expectStanding(status.conditions, READY, 'HostReady');
    expectCondition(status.conditions, 'UnclaimedAppliances', 'False', 'AllClaimed');
  });

  it('says which part of the use is that of its appliances, as long as its daemon does', () => {
    const vmUse = [
      { uuid: 'a', cpuMillis: 100, memoryBytes: 64 * MEBI },
      { uuid: 'b', cpuMillis: 200, memoryBytes: 64 * MEBI },
    ];
    const newer = statusOf(facts({ view: aView({ status: aHostReport({ vmUse }) }) }));
    expect(newer.usedByAppliances).toEqual({ cpu: '300m', memory: '128Mi' });
    expect(statusOf(facts({ host: aHost({ status: newer }) })).usedByAppliances).toBeUndefined();
    const away = facts({ host: aHost({ status: newer }), view: undefined });
    expect(statusOf(away).usedByAppliances).toEqual(newer.usedByAppliances);
  });

  it('has the layers in the order of their names, and says what is wrong with each', () => {
    const problem = { reason: 'LayerCorrupt', message: 'it has changed on its disk' };
    const kernel = aLayer({ identity: '0'.repeat(64), kind: 'boot' });
    const holds = [aLayer({ state: 'Failed', problem }), kernel];
    expect(statusOf(facts({ view: aView({ holds }) })).layers).toEqual([
      { identity: kernel.identity, kind: 'boot', state: 'Ready' },
      { identity: LAYER, kind: 'disk', state: 'Failed', message: problem.message },
    ]);
  });

  it('keeps what was last known of a host that does not answer', () => {
    const before = statusOf(facts());
    const readiness = { status: 'False', reason: 'HostUnreachable', message: 'refused' } as const;
    const after = statusOf(facts({ host: aHost({ status: before }), view: undefined, readiness }));
    expect(after).toMatchObject({
      capacity: before.capacity,
      layers: before.layers,
      lastSeenTime: before.lastSeenTime,
    });
    expectCondition(after.conditions, 'Ready', 'False', 'HostUnreachable');
  });

  it('names the appliances that the API does not know', () => {
    const status = statusOf(facts({ unclaimed: ['default/web (u-1)'] }));
    const message = expectCondition(status.conditions, 'UnclaimedAppliances', 'True', 'UnclaimedAppliances');
    expect(message).toContain('default/web (u-1)');
  });
});

describe('the urgency of a change', () => {
  const old = statusOf(facts());
  const urgencyAfter = (change: Partial<HostFacts>) =>
    urgencyOf(old, statusOf(facts({ host: aHost({ status: old }), ...change })));

  it('is none for no change, now for the first status', () => {
    expect(urgencyAfter({})).toBe('none');
    expect(urgencyOf(undefined, old)).toBe('now');
  });

  it('is now for a condition, soon for a count, later for a measurement', () => {
    expect(urgencyAfter({ readiness: { status: 'False', reason: 'HypervisorMissing', message: '' } })).toBe(
      'now',
    );
    expect(urgencyAfter({ bound: [] })).toBe('soon');
    const measured = { status: 'True', reason: 'HostReady', message: '1 byte less is free' } as const;
    expect(urgencyAfter({ readiness: measured })).toBe('later');
    const used = { cpuMillis: 100, memoryBytes: 1, diskBytes: 1 };
    const view = aView({ lastSeen: 9000, holds: [aLayer()], status: aHostReport({ used }) });
    expect(urgencyAfter({ view })).toBe('later');
  });
});
