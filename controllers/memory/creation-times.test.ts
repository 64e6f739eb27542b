import { describe, expect, it } from 'vitest';
import { aReport } from '../../test/builders/reports.ts';
import { CreationTimes } from './creation-times.ts';

const twoSeconds = { leadSeconds: 0, turnSeconds: 2, tailSeconds: 0 };

describe('the measured times', () => {
  it('count an appliance once, when its service first answers', () => {
    const times = new CreationTimes();
    times.recordAppliance(aReport({ serviceState: 'VMReady' }), 'default/debian', 'host-a');
    expect(times.expected('default/debian', 'host-a')).toBeUndefined();
    times.recordAppliance(aReport(), 'default/debian', 'host-a');
    times.recordAppliance(aReport({ steps: [] }), 'default/debian', 'host-a');
    expect(times.expected('default/debian', 'host-a')).toEqual(twoSeconds);
  });

  it('tell the time before its turn to be created from the time after', () => {
    const times = new CreationTimes();
    const done = { state: 'Done', attempts: 1, startedAt: '2026-01-01T00:00:00.000Z' } as const;
    const steps = (['Ports', 'Disk', 'Start', 'Agent', 'Service'] as const).map((name, index) => ({
      ...{ name, ...done },
      seconds: 10 ** index,
    }));
    times.recordAppliance(aReport({ steps }), 'default/debian', 'host-a');
    expect(times.expected('default/debian', 'host-a')).toEqual({
      leadSeconds: 11,
      turnSeconds: 100,
      tailSeconds: 11_000,
    });
  });

  it('are forgotten with their template', () => {
    const times = new CreationTimes();
    times.recordAppliance(aReport(), 'default/debian', 'host-a');
    times.recordAppliance(aReport({ uuid: 'b' }), 'default/other', 'host-a');
    times.forgetTemplate('default/debian');
    expect([times.expected('default/debian', 'host-a'), times.expected('default/other', 'host-a')]).toEqual([
      undefined,
      twoSeconds,
    ]);
  });
});
