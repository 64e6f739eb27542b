import { describe, expect, it } from 'vitest';
import { aHost } from '../../test/builders/objects.ts';
import type { Host } from '../api/kinds.ts';
import { hostTable } from './host-table.ts';

function rowOf(host: Host): string[] {
  return hostTable([host]).split('\n')[1]?.split(/ {2,}/) ?? [];
}

describe('the table of hosts', () => {
  const status = {
    driver: { name: 'qemu', version: '7.2', accelerator: 'kvm' },
    capacity: { cpu: '4', memory: '8Gi' },
    appliances: 3,
    conditions: [
      {
        type: 'Ready',
        status: 'True' as const,
        reason: 'DaemonAnswers',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  };

  it('shows driver, capacity and appliances', () => {
    expect(rowOf(aHost({ status }))).toEqual(['host-a', 'True', 'qemu 7.2 (kvm)', '4', '8Gi', '3']);
  });

  it('shows a cordoned host as one that gets no new appliances, ready or not', () => {
    const spec = { unschedulable: true };
    expect(rowOf(aHost({ spec, status }))[1]).toBe('True,SchedulingDisabled');
    expect(rowOf(aHost({ spec }))).toEqual(['host-a', 'Unknown,SchedulingDisabled', '-', '-', '-', '0']);
  });
});
