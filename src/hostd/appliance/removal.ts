import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import { powerOff } from './power-off.ts';
import type { HostServices } from './scope.ts';

/**
 * Ends the VM and removes all that belongs to the appliance. The order matters: after a crash in between, the next start
 * finds what is left and finishes. With `graceful`, the guest may power off by itself first.
 */
export async function removeAppliance(
  directory: ApplianceDirectory,
  { driver, pace, ports, log }: HostServices,
  graceful: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { uuid, path } = directory;
  const vm = await driver.inspect(uuid, path);
  if (vm?.state === 'Running' && graceful) {
    await powerOff(driver, directory, { timeoutMs: pace.shutdownMs, log, signal });
  } else await driver.destroy(uuid, path);
  await directory.remove();
  await ports.release(uuid);
}
