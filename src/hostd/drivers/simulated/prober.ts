import { DRIVERS } from '../../../api/drivers.ts';
import { INSTALLED_PATH } from '../../guest/installed.ts';
import { canonicalAddress } from '../../network/request.ts';
import { FORWARD_ADDRESS } from '../../ports/ports.ts';
import { millisSince } from '../common/boot-time.ts';
import type { Prober } from '../driver.ts';
import type { Simulation } from './config.ts';
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
    const now = simulation.bootTime();
    const upAfterMs = vm.agentAfterMs + simulation.timeOf('container');
    if (millisSince(vm.started, now) < upAfterMs) throw new Error(`port ${port} closes at once`);
    const installed = (await readGuestFiles(directory))[INSTALLED_PATH];
    const started = installed?.bootId === vm.bootId && /"started":"[0-9a-f]+"/.test(installed.text ?? '');
    if (!started || millisSince(installed.written, now) < simulation.timeOf('service')) return false;
    const failure = simulation.failureOf('service', vm.domain);
    if (failure !== undefined) throw new Error(failure);
    return true;
  };
  return {
    route: async () => ({ device: DRIVERS.simulated.defaultBridge }),
    http: async (url) => {
      const { hostname, port } = new URL(url);
      return (await isServed(hostname.replace(/^\[|\]$/g, ''), Number(port))) ? 200 : 404;
    },
    tcp: async (address, port) => {
      if (!(await isServed(address, port))) throw new Error(`port ${port} closes at once`);
    },
  };
}
