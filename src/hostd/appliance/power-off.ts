import type { Logger } from 'pino';
import { orAborted } from '../../base/abort.ts';
import type { Driver } from '../drivers/driver.ts';

type Vm = { readonly uuid: string; readonly path: string };

/**
 * Lets the guest power off, then removes all that is left of the VM, also when the guest cannot be asked (its hypervisor hangs, say):
 * what shall be off must not stay because it is ill. Resolves with whether the guest itself powered off within `timeoutMs`.
 */
export async function powerOff(
  driver: Driver,
  { uuid, path }: Vm,
  {
    timeoutMs,
    log,
    signal,
  }: { readonly timeoutMs: number; readonly log: Logger; readonly signal?: AbortSignal },
): Promise<boolean> {
  const isOff = await orAborted(driver.shutdown(uuid, path, timeoutMs), signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    log.warn({ appliance: uuid, err: error }, 'the guest could not be asked to power off: the VM is ended');
    return false;
  });
  await driver.destroy(uuid, path);
  return isOff;
}
