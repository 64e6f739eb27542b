import { orAborted } from '../../base/abort.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
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
    await orAborted(driver.shutdown(uuid, path, pace.shutdownMs), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      log.warn({ appliance: uuid, err: error }, 'the guest could not be asked to power off: the VM is ended');
    });
  }
  await driver.destroy(uuid, path);
  await directory.remove();
  await ports.release(uuid);
}
