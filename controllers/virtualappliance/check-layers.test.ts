import { describe, expect, it } from 'vitest';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { anAppliance, aTemplate } from '../../test/builders/objects.ts';
import { aLayer, aReport, aView } from '../../test/builders/reports.ts';
import { checkLayers } from './check-layers.ts';
import { desiredOf } from './describe-vm.ts';
import type { Scope } from './scope.ts';

const desired = desiredOf(anAppliance(), aTemplate(), undefined);
const OTHERS = { reason: 'SourceUnreachable', message: 'https://of-another cannot be fetched' };
const OWN = { reason: 'DigestMismatch', message: 'https://mine has another sha256' };

const check = (layer: Partial<LayerStatus>, runs = [aReport({ vm: { state: 'Absent' } })]) =>
  checkLayers({ desired, view: aView({ holds: [aLayer(layer)], runs }) } as unknown as Scope);

describe('the layers of an appliance', () => {
  const sources = [
    { template: 'default/debian', problem: OWN },
    { template: 'other/b', problem: OTHERS },
  ];

  it('stand in its way by what is wrong with the source of its own template', () => {
    expect(check({ state: 'Failed', problem: OTHERS, sources })).toMatchObject({
      obstacle: { ...OWN, isStalled: true },
    });
    expect(check({ state: 'Fetching', sources })).toEqual({ type: 'done' });
  });

  it('are said to wait for their turn, as ordinary progress', () => {
    expect(check({ state: 'Fetching', queued: true })).toMatchObject({
      obstacle: {
        reason: 'VMUnavailable',
        isStalled: false,
        message:
          'host host-a fetches other files first: the disk of template default/debian waits for its turn',
      },
    });
  });

  it('no longer matter to a VM that exists', () => {
    const failed = { state: 'Failed', problem: OTHERS, sources } as const;
    expect(check(failed, [aReport()])).toEqual({ type: 'done' });
  });
});
