import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { anAppliance } from '../../test/builders/objects.ts';
import { aReport } from '../../test/builders/reports.ts';
import { expectCondition } from '../../test/expectations/conditions.ts';
import { applianceEvents } from '../obstacles/appliances.ts';
import { warning } from '../status/occurrence.ts';
import { applianceOccurrences } from './events.ts';
import { type StatusFacts, statusOf, urgencyOf } from './status.ts';

const owner = {
  apiVersion: 'coppice.dev/v1alpha1',
  kind: 'ServiceDeployment',
  name: 'shop',
  uid: 's',
  controller: true,
};

function bound(status?: VirtualAppliance['status']): VirtualAppliance {
  return anAppliance({ spec: { hostName: 'host-a' }, ...(status === undefined ? {} : { status }) });
}

function status(overrides: Partial<StatusFacts> = {}) {
  return statusOf({
    appliance: bound(),
    report: undefined,
    isMissing: false,
    outcome: undefined,
    obstacle: undefined,
    hostLost: undefined,
    now: 0,
    ...overrides,
  });
}

const running = {
  name: 'Agent',
  state: 'Running',
  attempts: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
} as const;
const booting = (seconds: number) =>
  aReport({ serviceState: 'VMUnavailable', steps: [{ ...running, seconds }] });

describe('the status of an appliance', () => {
  it('mirrors its host', () => {
    expect(status({ report: aReport() })).toMatchObject({
      uuid: 'uid-web-0',
      observedGeneration: 1,
      serviceState: 'ServiceAvailable',
      url: 'http://127.0.0.1:20000/',
      accessPoints: ['http://127.0.0.1:20000/'],
      endpoints: [{ name: 'service', port: 20_000, guestPort: 80 }],
      vm: { state: 'Running', pid: 42 },
      steps: [{ name: 'Start', state: 'Done', attempts: 1, seconds: 2 }],
    });
  });

  it('does not change while a step only takes longer', () => {
    expect(status({ report: booting(1) })).toEqual(status({ report: booting(2) }));
  });

  it('says nothing about a VM that its host no longer has', () => {
    const before = status({ report: aReport() });
    const after = status({ appliance: bound(before), isMissing: true });
    expect(after).toMatchObject({
      serviceState: 'VMUnavailable',
      accessPoints: [],
      vm: { state: 'Absent' },
      steps: [],
    });
    expect(after.url).toBeUndefined();
    expectCondition(after.conditions, 'Ready', 'False', 'VMUnavailable');
    expect(status({ isMissing: true }).vm, 'of one that was never there').toBeUndefined();
  });

  it('keeps what was known while the host does not answer', () => {
    const before = status({ report: aReport() });
    const after = status({
      appliance: bound(before),
      hostLost: { reason: 'HostUnreachable', message: 'away', isStalled: false },
    });
    expect(after).toMatchObject({ url: before.url, vm: before.vm, steps: before.steps });
  });

  it('says how the host was chosen, or why none was', () => {
    const told = { message: 'host-a comes first', placedTime: '2026-01-01T00:00:00.000Z' };
    const placed = (reasons: { host: string; reason: string }[]) =>
      status({ outcome: { type: 'placed', choice: { ...told, reasons } } });
    expect(placed([]).placement).toEqual(told);
    const passedOver = { ...told, reasons: [{ host: 'h', reason: 'has less' }] };
    expect(placed(passedOver.reasons).placement).toEqual(passedOver);
    const kept = status({ appliance: anAppliance({ status: placed(passedOver.reasons) }) });
    expect(kept.placement).toEqual(passedOver);
    const refusal = {
      reason: 'NoHostFits',
      message: 'none',
      reasons: [{ host: 'h', reason: 'full' }],
    } as const;
    const refused = status({ appliance: anAppliance(), outcome: { type: 'refused', refusal } });
    expect(refused.placement).toEqual({ message: 'none', reasons: [{ host: 'h', reason: 'full' }] });
    const restarted = status({ appliance: anAppliance({ status: refused }) });
    expect(restarted.placement).toEqual(refused.placement);
    expectCondition(restarted.conditions, 'Placed', 'False', 'NoHostFits');
  });
});

describe('the urgency of a change', () => {
  const before = status({ report: booting(1) });
  const urgencyAfter = (report: Partial<StatusFacts>) =>
    urgencyOf(bound(before), status({ appliance: bound(before), ...report }));

  it('is none for none', () => expect(urgencyAfter({ report: booting(3) })).toBe('none'));
  it('is soon for progress', () =>
    expect(urgencyAfter({ report: aReport({ serviceState: 'VMReady' }) })).toBe('soon'));
  it('is now for the answer', () => expect(urgencyAfter({ report: aReport() })).toBe('now'));
  it('is now for trouble', () => {
    const obstacle = { reason: 'ConfigMapNotFound', message: 'create it', isStalled: false };
    expect(urgencyAfter({ obstacle })).toBe('now');
  });

  it("of the first status of a task's appliance is not now", () => {
    const ofTask = anAppliance({
      metadata: { ownerReferences: [owner] },
      spec: { hostName: 'host-a' },
      status: { observedGeneration: -1 },
    });
    expect(urgencyOf(ofTask, status({ appliance: ofTask }))).toBe('shortly');
    expect(urgencyOf(ofTask, status({ appliance: ofTask, report: aReport() }))).toBe('now');
    expect(urgencyOf(bound(), status())).toBe('now');
    expect(urgencyOf(anAppliance(), status({ appliance: anAppliance() }))).toBe('soon');
  });
});

describe('the Events of an appliance', () => {
  const before = status({ report: booting(1) });
  const eventsAfter = (facts: Partial<StatusFacts>, old = before) =>
    applianceOccurrences(old, status({ appliance: bound(old), ...facts }));

  const available = { type: 'Normal', reason: 'ServiceAvailable' };

  it('report the answer and trouble, not progress', () => {
    expect(eventsAfter({ report: aReport() })).toMatchObject([available]);
    expect(eventsAfter({ report: aReport({ serviceState: 'VMReady' }) })).toEqual([]);
    const obstacle = { reason: 'TemplateNotFound', message: 'create it', isStalled: false };
    expect(eventsAfter({ obstacle })).toEqual([
      { type: 'Warning', reason: 'TemplateNotFound', message: 'create it' },
    ]);
  });

  it('leave refusals of placement to placement', () => {
    const obstacle = { reason: 'NoHostFits', message: 'add a host', isStalled: false };
    expect(eventsAfter({ obstacle })).toEqual([]);
  });

  it('report a lasting state once', () => {
    const facts = { report: aReport() };
    expect(eventsAfter(facts, status(facts))).toEqual([]);
  });

  it('report the host, once', () => {
    const placed = { type: 'Normal', reason: 'Placed', message: 'bound to host host-a' };
    const pending = status({ appliance: anAppliance() });
    expect(eventsAfter({}, pending)).toEqual([placed]);
    expect(eventsAfter({}, { ...pending, conditions: undefined })).toEqual([placed]);
    expect(eventsAfter({}, status())).toEqual([]);
  });

  it('report each start of the VM once', () => {
    const since = (startedAt: string) => ({ report: aReport({ vm: { state: 'Running', startedAt } }) });
    const [first, second] = [since('2026-01-01T00:00:00.000Z'), since('2026-01-01T00:05:00.000Z')];
    const started = { type: 'Normal', reason: 'Started' };
    expect(eventsAfter(first)).toMatchObject([{ ...started, message: 'the VM was started' }, available]);
    expect(eventsAfter(first, status(first))).toEqual([]);
    const again = { ...started, message: expect.stringContaining('again') };
    expect(eventsAfter(second, status(first))).toEqual([again]);
    // A host does not know the start of a VM that does not run.
    const crashed = status({
      appliance: bound(status(first)),
      report: aReport({ vm: { state: 'Crashed' } }),
    });
    expect(eventsAfter(second, crashed)).toEqual([again]);
    expect(eventsAfter(first, crashed), 'of one that ran all the time').toEqual([]);
    const lost = status({ appliance: bound(status(first)), isMissing: true });
    expect(eventsAfter(second, lost), 'one with a new disk').toContainEqual({
      ...started,
      message: 'the VM was started',
    });
  });

  it('report why a VM that was to continue from a checkpoint boots, once', () => {
    const message = 'VM x does not continue from checkpoint y, because it was saved with vCPUs 1, here 2';
    const steps = [
      { name: 'Start', state: 'Done', attempts: 1, startedAt: '', seconds: 2, message },
    ] as const;
    const facts = {
      report: aReport({ steps, vm: { state: 'Running', startedAt: '2026-01-01T00:00:00.000Z' } }),
    };
    const booted = { type: 'Warning', reason: 'CheckpointUnusable', message };
    expect(eventsAfter(facts)).toContainEqual(booted);
    expect(eventsAfter(facts, status(facts))).toEqual([]);
  });

  it('report that a change is carried out, once, in place of the answer', () => {
    const changing = (generation: number, old = status({ report: aReport() })) =>
      anAppliance({ metadata: { generation }, spec: { hostName: 'host-a' }, status: old });
    const ready = (generation: number, old?: typeof before) => {
      const appliance = changing(generation, old);
      return [appliance.status, status({ appliance, report: aReport({ generation }) })] as const;
    };
    const [old, next] = ready(3);
    const changed = {
      type: 'Normal',
      reason: 'Changed',
      message: 'the change is carried out (generation 3): the service answers at http://127.0.0.1:20000/',
    };
    expect(applianceOccurrences(old, next)).toEqual([changed]);
    const underWay = status({ appliance: changing(3), report: aReport({ generation: 2 }) });
    expect(applianceOccurrences(old, underWay)).toEqual([]);
    expect(applianceOccurrences(...ready(3, underWay)), 'after progress was written').toEqual([changed]);
    expect(applianceOccurrences(next, next)).toEqual([]);
    expect(applianceOccurrences(...ready(3, next)), 'by a new operator').toEqual([]);
    const { readyGeneration: _, ...ofOlderOperator } = next;
    expect(applianceOccurrences(...ready(3, ofOlderOperator)), 'written by an older operator').toEqual([]);
  });

  it('report that the VM is stopped as asked', () => {
    const stopped = (old?: typeof before) =>
      anAppliance({ spec: { hostName: 'host-a', powerState: 'Stopped' }, ...(old && { status: old }) });
    const report = aReport({ serviceState: 'VMUnavailable', vm: { state: 'Stopped' } });
    const next = status({ appliance: stopped(), report });
    expect(applianceOccurrences(before, next)).toMatchObject([{ type: 'Normal', reason: 'Stopped' }]);
    expect(applianceOccurrences(next, status({ appliance: stopped(next), report }))).toEqual([]);
  });

  it('report a lost disk', () => {
    const { type, message } = warning(applianceEvents.missing('host-a'));
    expect(type).toBe('Warning');
    expect(message).toContain('host-a no longer has');
  });
});
