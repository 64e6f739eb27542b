import { INSTALLED_PATH } from '../../appliance/installed.ts';
import { canonicalAddress } from '../../network/request.ts';
import { FORWARD_ADDRESS } from '../../ports/ports.ts';
import type { Prober } from '../driver.ts';
import { SIMULATED_BRIDGE, type Simulation } from './config.ts';
import { readGuestFiles, readVm } from './vm-file.ts';

/**
 * Containers in simulated guests answer 404 after the boot. The service answers some time after it was started in the present boot.
 */
export function createSimulatedProber(
  simulation: Simulation,
  directoryOf: (place: number | string) => string | undefined,
): Prober {
  const isServed = async (address: string, port: number): Promise<boolean> => {
    const directory = directoryOf(address === FORWARD_ADDRESS ? port : canonicalAddress(address));
    const vm = directory === undefined ? undefined : await readVm(directory);
    if (directory === undefined || vm?.state !== 'Running')
      throw new Error(`nothing listens at port ${port}`);
    const upAt = vm.agentAt + simulation.timeOf('container');
    if (upAt > simulation.clock.now()) throw new Error(`port ${port} closes at once`);
    const installed = (await readGuestFiles(directory))[INSTALLED_PATH];
    const readyAt = (installed?.writtenAt ?? Infinity) + simulation.timeOf('service');
    const started = installed?.bootId === vm.bootId && /"started":"[0-9a-f]+"/.test(installed.text ?? '');
    if (!started || readyAt > simulation.clock.now()) return false;
    const failure = simulation.failureOf('service', vm.domain);
    if (failure !== undefined) throw new Error(failure);
    return true;
  };
  return {
    route: async () => ({ device: SIMULATED_BRIDGE }),
    http: async (url) => {
      const { hostname, port } = new URL(url);
      return (await isServed(hostname.replace(/^\[|\]$/g, ''), Number(port))) ? 200 : 404;
    },
    tcp: async (address, port) => {
      if (!(await isServed(address, port))) throw new Error(`port ${port} closes at once`);
    },
  };
}
