import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DriverName } from '../api/drivers.ts';
import type { Clock } from '../base/clock.ts';
import type { Driver } from '../hostd/drivers/driver.ts';
import type { SimulatedConfig } from '../hostd/drivers/simulated/config.ts';

/** All that a driver can be given; each takes what it needs. */
export type DriverOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** The daemon's; a driver keeps its own files in a folder of its own name there. */
  readonly stateDirectory: string;
  /** Folders in which programs are looked for, as in PATH. */
  readonly searchPath: string;
  readonly cgroupRoot: string | undefined;
  readonly bridge: string | undefined;
  readonly simulated: Omit<SimulatedConfig, 'clock'> | undefined;
};

type Factory = (options: DriverOptions) => Driver | Promise<Driver>;

/** How each driver is made. A daemon loads only its own. */
const FACTORIES: Readonly<Record<DriverName, () => Promise<Factory>>> = {
  qemu: async () => {
    const { createQemuDriver } = await import('../hostd/drivers/qemu/driver.ts');
    return ({ stateDirectory, ...options }) =>
      createQemuDriver({ ...options, stateDirectory: join(stateDirectory, 'qemu') });
  },
  xen: async () => (await import('../hostd/drivers/xen/driver.ts')).createXenDriver,
  simulated: async () => {
    const { createSimulatedDriver } = await import('../hostd/drivers/simulated/driver.ts');
    return ({ clock, simulated }) => createSimulatedDriver({ clock, ...simulated });
  },
};

export async function createDriver(name: DriverName, options: DriverOptions): Promise<Driver> {
  const create = await FACTORIES[name]();
  return await create(options);
}
