import { describe, expect, it } from 'vitest';
import { aReport } from '../test/builders/reports.ts';
import { CreationTimes } from './creation-times.ts';

describe('the measured times', () => {
  it('count an appliance once, when its service first answers', () => {
    const times = new CreationTimes();
    times.recordAppliance(aReport({ serviceState: 'VMReady' }), 'default/debian', 'host-a');
    expect(times.expected('default/debian', 'host-a')).toBeUndefined();
    times.recordAppliance(aReport(), 'default/debian', 'host-a');
    times.recordAppliance(aReport({ steps: [] }), 'default/debian', 'host-a');
    expect(times.expected('default/debian', 'host-a')).toBe(2);
  });

  it('go with their template', () => {
    const times = new CreationTimes();
    times.recordAppliance(aReport(), 'default/debian', 'host-a');
    times.recordAppliance(aReport({ uuid: 'b' }), 'default/other', 'host-a');
    times.forgetTemplate('default/debian');
    expect([times.expected('default/debian', 'host-a'), times.expected('default/other', 'host-a')]).toEqual([
      undefined,
      2,
    ]);
  });
});
