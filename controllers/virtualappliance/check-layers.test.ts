import { describe, expect, it } from 'vitest';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { anAppliance, anImportedTemplate } from '../../test/builders/objects.ts';
import { aLayer, aReport, aView } from '../../test/builders/reports.ts';
import { checkLayers } from './check-layers.ts';
import { desiredOf } from './describe-vm.ts';
import type { Scope } from './scope.ts';

const desired = desiredOf(anAppliance(), anImportedTemplate(), undefined);
const problem = { reason: 'LayerCorrupt', message: 'the layer has changed on its disk' };

const check = (layer: Partial<LayerStatus>, runs = [aReport({ vm: { state: 'Absent' } })]) =>
  checkLayers({ desired, view: aView({ holds: [aLayer(layer)], runs }) } as unknown as Scope);

describe('the layers of an appliance', () => {
  it('stand in its way when its host cannot have or use them', () => {
    expect(check({ state: 'Failed', problem })).toEqual({
      type: 'blocked',
      obstacle: { ...problem, isStalled: true },
    });
  });

  it.each([
    ['is here', {}],
    ['is being fetched', { state: 'Fetching' }],
    ['is being fetched, and tried again', { state: 'Fetching', problem }],
    ['is another one', { identity: '2'.repeat(64), state: 'Failed', problem }],
  ] as const)('do not while one %s', (_name, layer) => {
    expect(check(layer)).toEqual({ type: 'done' });
  });

  it('no longer matter to a VM that exists', () => {
    expect(check({ state: 'Failed', problem }, [aReport()])).toEqual({ type: 'done' });
  });
});
