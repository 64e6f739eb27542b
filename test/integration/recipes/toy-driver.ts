import type { Recipe } from './workshop.ts';

const DRIVER = `import type { Clock } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import { createHostNetwork } from '../../network/links.ts';
import { createImageTool } from '../common/images.ts';
import { createProber } from '../common/prober.ts';
import type { Driver } from '../driver.ts';

/** A hypervisor on which no VM ever starts. */
export function createToyDriver(clock: Clock, searchPath: string): Driver {
  const unavailable = () => hostErrors.consoleUnavailable('toy VMs have none');
  return {
    probe: async () => ({ name: 'toy', version: '7', accelerator: 'none', capabilities: [], creationConcurrency: 1 }),
    start: () => Promise.reject(new Error('toy VMs do not start')),
    inspect: async () => undefined,
    shutdown: async () => true,
    destroy: async () => undefined,
    reap: async () => undefined,
    guest: () => {
      throw new Error('toy VMs have no agent');
    },
    consoleTail: async () => '',
    openConsole: () => Promise.reject(unavailable()),
    foreignVms: async () => [],
    images: createImageTool({ searchPath }),
    prober: createProber(clock, createHostNetwork(clock, searchPath)),
  };
}
`;

/** A driver, by the recipe. */
export async function addToyDriver(recipe: Recipe): Promise<void> {
  await recipe.add('src/hostd/drivers/toy/driver.ts', DRIVER);
  await recipe.insert(
    'src/api/drivers.ts',
    'export const DRIVERS = {\n',
    "  toy: { summary: 'VMs that never start', isLocal: true, isInPod: true, isReal: false },\n",
  );
  await recipe.insert(
    'src/main/driver-factories.ts',
    /const FACTORIES: .* = \{\n/,
    `  toy: async () => {
    const { createToyDriver } = await import('../hostd/drivers/toy/driver.ts');
    return ({ clock, searchPath }) => createToyDriver(clock, searchPath);
  },
`,
  );
}
