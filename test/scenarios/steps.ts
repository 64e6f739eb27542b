import { join } from 'node:path';
import type { StepName, StepStatus } from '../../src/host/protocol.ts';
import type { World } from './world.ts';

/**
 * The steps of its only appliance that the daemon was in the middle of when it last wrote them down: when it has been
 * killed, those in which it was killed. None before there is a record.
 */
export async function stepsUnderWay({ bed }: World): Promise<readonly StepName[]> {
  const folder = join(bed.stateDirectory, 'appliances');
  const text = await bed.run(['find', folder, '-name', 'record.json', '-exec', 'cat', '{}', '+']);
  if (text === '') return [];
  const { steps } = JSON.parse(text) as { readonly steps: readonly StepStatus[] };
  return steps.filter(({ state }) => state === 'Running').map(({ name }) => name);
}
