import { INSTALLED_PATH } from '../../appliance/installed.ts';
import type { Prober } from '../driver.ts';
import type { Simulation } from './config.ts';
import { readGuestFiles, readVm } from './vm-file.ts';

/**
 * Containers in simulated guests answer 404 from the boot on; the service answers some time after it was started in
 * the boot that still lasts.
 */
export function createSimulatedProber(
  simulation: Simulation,
  directoryOf: (hostPort: number) => string | undefined,
): Prober {
  const isServed = async (port: number): Promise<boolean> => {
    const directory = directoryOf(port);
    const vm = directory === undefined ? undefined : await readVm(directory);
    if (directory === undefined || vm?.state !== 'Running')
      throw new Error(`nothing listens at port ${port}`);
    const upAt = vm.agentAt + simulation.timeOf('container');
    if (upAt > simulation.clock.now()) throw new Error(`port ${port} closes at once`);
    const noted = (await readGuestFiles(directory))[INSTALLED_PATH];
    const readyAt = (noted?.writtenAt ?? Infinity) + simulation.timeOf('service');
    const started = noted?.bootId === vm.bootId && /"started":"[0-9a-f]+"/.test(noted.text ?? '');
    if (!started || readyAt > simulation.clock.now()) return false;
    const failure = simulation.failureOf('service', vm.domain);
    if (failure !== undefined) throw new Error(failure);
    return true;
  };
  return {
    http: async (url) => ((await isServed(Number(new URL(url).port))) ? 200 : 404),
    tcp: async (_, port) => {
      if (!(await isServed(port))) throw new Error(`port ${port} closes at once`);
    },
  };
}
