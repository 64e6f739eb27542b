import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { createFakeClock } from '../../src/base/testing/fake-clock.ts';
import { aDeployment, anAppliance } from '../../test/builders/objects.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../test/expectations/conditions.ts';
import { isReady } from './availability.ts';
import type { ServiceFacts, StatusFacts } from './facts.ts';
import { ProgressTimes } from './progress.ts';
import { statusOf, urgencyOf } from './status.ts';

function appliance(
  ordinal: number,
  ready: 'True' | 'False',
  reason: string,
  stalled = false,
): VirtualAppliance {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const common = { reason, message: `it says ${reason}`, observedGeneration: 1, lastTransitionTime };
  return anAppliance({
    metadata: { name: `shop-web-${ordinal}` },
    status: {
      accessPoints: [`http://10.0.0.${ordinal}/`],
      conditions: [
        { ...common, type: 'Ready', status: ready },
        { ...common, type: 'Available', status: ready },
        { ...common, type: 'Stalled', status: stalled ? 'True' : 'False' },
      ],
    },
  });
}

const up = (ordinal: number) => appliance(ordinal, 'True', 'ServiceAvailable');
const coming = (ordinal: number) => appliance(ordinal, 'False', 'VMReady');

function status(service: Partial<ServiceFacts>, overrides: Partial<StatusFacts> = {}) {
  const web = {
    name: 'web',
    state: 'Deployed' as const,
    wantedReplicas: 2,
    template: 'default/debian',
    appliances: [],
    asDeclared: (service.appliances ?? []).filter(isReady).length,
    held: 0,
    ...service,
  };
  return statusOf({
    deployment: aDeployment(),
    services: [web],
    leftovers: [],
    prediction: undefined,
    silentMs: 0,
    now: 0,
    ...overrides,
  });
}

describe('the status of a task', () => {
  it('counts appliances and says where they answer', () => {
    const found = status({ appliances: [up(0), up(1)] });
    expectStanding(found.conditions, READY, 'Deployed');
    expect(found).toMatchObject({
      wantedReplicas: 2,
      replicas: 2,
      readyReplicas: 2,
      selector: 'coppice.dev/service-deployment=shop',
      url: 'http://10.0.0.0/',
      services: [
        { name: 'web', template: 'default/debian', accessPoints: ['http://10.0.0.0/', 'http://10.0.0.1/'] },
      ],
    });
  });

  const recalled = aDeployment({ spec: { state: 'Recalled' } });
  const obstacle = { reason: 'TemplateNotFound', message: 'create it', isStalled: false };
  const cases: [string, Partial<ServiceFacts>, Partial<StatusFacts>, typeof READY, string][] = [
    ['is on its way', { appliances: [up(0), coming(1)] }, {}, RECONCILING, 'Deploying'],
    ['is not as declared yet', { appliances: [up(0), up(1)], asDeclared: 1 }, {}, RECONCILING, 'Deploying'],
    ['has one too many', { appliances: [up(0), up(1), up(2)] }, {}, RECONCILING, 'Deploying'],
    ['has leftovers', { appliances: [up(0), up(1)] }, { leftovers: [up(2)] }, RECONCILING, 'Deploying'],
    [
      'may not have what it needs',
      { appliances: [up(0)] },
      { refusal: 'exceeded quota' },
      RECONCILING,
      'Refused',
    ],
    ['has no template', { obstacle }, {}, RECONCILING, 'TemplateNotFound'],
    [
      'has a conflict',
      { obstacle: { ...obstacle, reason: 'NameConflict', isStalled: true } },
      {},
      STALLED,
      'NameConflict',
    ],
    [
      'has one that fits nowhere',
      { appliances: [up(0), appliance(1, 'False', 'NoHostFits')] },
      {},
      RECONCILING,
      'NoHostFits',
    ],
    [
      'has one that needs a person',
      { appliances: [appliance(0, 'False', 'NoHostFits'), appliance(1, 'False', 'DigestMismatch', true)] },
      {},
      STALLED,
      'DigestMismatch',
    ],
    [
      'is recalled',
      { state: 'Recalled', wantedReplicas: 0, asDeclared: 0 },
      { deployment: recalled },
      READY,
      'Recalled',
    ],
    [
      'is being recalled',
      { state: 'Recalling', wantedReplicas: 0, asDeclared: 0, appliances: [up(0)] },
      { deployment: recalled },
      RECONCILING,
      'Recalling',
    ],
    ['is scaled to none', { wantedReplicas: 0, asDeclared: 0 }, {}, READY, 'Deployed'],
  ];
  it.each(cases)('that %s', (_name, service, overrides, standing, reason) => {
    expectStanding(status(service, overrides).conditions, standing, reason);
  });

  it('names some of the appliances in trouble', () => {
    const appliances = [0, 1, 2, 3, 4].map((ordinal) => appliance(ordinal, 'False', 'NoHostFits'));
    const message = expectStanding(
      status({ wantedReplicas: 5, appliances }).conditions,
      RECONCILING,
      'NoHostFits',
    );
    expect(message).toBe('shop-web-0, shop-web-1, shop-web-2 and 2 more: it says NoHostFits');
  });
});

describe('a task that is being deleted', () => {
  const going = (finalizers: string[]) =>
    aDeployment({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers } });
  const messageOf = (finalizers: string[], appliances: VirtualAppliance[]) =>
    expectStanding(
      status({ appliances }, { deployment: going(finalizers) }).conditions,
      RECONCILING,
      'Deleting',
    );

  it('counts what is left, and is never ready', () => {
    expect(messageOf([], [up(0), up(1)])).toContain('2 of its appliances are left');
    const found = status({ appliances: [], asDeclared: 0 }, { deployment: going(['example.com/backup']) });
    expect(found).toMatchObject({ replicas: 0, readyReplicas: 0, services: [{ accessPoints: [] }] });
  });

  it('names the finalizers that hold it, without those of the garbage collector', () => {
    expect(messageOf(['example.com/backup'], [])).toContain('finalizers: example.com/backup');
    expect(messageOf(['foregroundDeletion'], [up(0)])).not.toContain('foregroundDeletion');
  });
});

describe('the progress of a task', () => {
  const begun = status({ appliances: [up(0), coming(1)], asDeclared: 1 });
  const progressAfter = (service: Partial<ServiceFacts>, silentMs: number) =>
    status(service, { silentMs, now: 1000, deployment: aDeployment({ status: begun }) });

  it('counts from the last progress of an appliance', () => {
    expect(begun.lastProgressTime).toBe('1970-01-01T00:00:00Z');
    const same = progressAfter({ appliances: [up(0), coming(1)], asDeclared: 1 }, 599_999);
    expect(same.lastProgressTime).toBe(begun.lastProgressTime);
    expectCondition(same.conditions, 'Progressing', 'True', 'Deploying');
    const further = progressAfter({ appliances: [up(0), up(1)], asDeclared: 1 }, 600_000);
    expect(further.lastProgressTime).toBe('1970-01-01T00:00:01Z');
    expectCondition(further.conditions, 'Progressing', 'True', 'Deploying');
  });

  it('is denied, with the seconds and what is in the way, once its deadline has passed', () => {
    const broken = appliance(1, 'False', 'ServiceTimeout');
    const { conditions } = progressAfter({ appliances: [up(0), broken], asDeclared: 1 }, 600_000);
    const message = expectCondition(conditions, 'Progressing', 'False', 'ProgressDeadlineExceeded');
    expect(message).toMatch(/600 s .*shop-web-1: it says ServiceTimeout/);
    expectStanding(conditions, RECONCILING, 'ServiceTimeout');
  });

  it('has no deadline once all is as declared', () => {
    const { conditions } = progressAfter({ appliances: [up(0), up(1)] }, 10_000_000);
    expectCondition(conditions, 'Progressing', 'True', 'Deployed');
  });

  it('is counted by the monotonic clock, and after a restart from the time in the status', async () => {
    const clock = createFakeClock(Date.parse('2026-01-01T00:10:00Z'));
    const times = new ProgressTimes(clock);
    expect(times.since('default/shop', '2026-01-01T00:00:00Z')).toBe(600_000);
    await clock.advance(1000);
    expect(times.since('default/shop', '2026-01-01T00:00:00Z')).toBe(601_000);
    expect(times.since('default/shop', '2026-01-01T00:09:00Z'), 'of the next progress').toBe(0);
  });
});

describe('the urgency of a change', () => {
  const before = status({ appliances: [coming(0), coming(1)] });
  const urgencyAfter = (service: Partial<ServiceFacts>) =>
    urgencyOf(before, status(service, { deployment: aDeployment({ status: before }) }));

  it('is none for no change, soon for counts, now for what people wait for', () => {
    expect(urgencyAfter({ appliances: [coming(0), coming(1)] })).toBe('none');
    expect(urgencyAfter({ appliances: [up(0), coming(1)] })).toBe('soon');
    expect(urgencyAfter({ appliances: [up(0), up(1)] })).toBe('now');
  });

  it('is now for the choice of a template, because appliances are created from it next', () => {
    expect(urgencyAfter({ appliances: [coming(0), coming(1)], template: 'default/other' })).toBe('now');
  });
});
