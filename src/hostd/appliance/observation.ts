import type { Driver, VmObservation } from '../drivers/driver.ts';
import { type HostError, hostErrors } from '../errors/index.ts';
import { allocatedBytes } from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import { domainOf, type Scope } from './scope.ts';

/** How much of the end of its console an error about a VM quotes. */
export const CONSOLE_TAIL_BYTES = 2000;

/** What exists of an appliance on its host, apart from its record. */
export type Observation = {
  readonly vm?: VmObservation;
  /** Bytes its disk takes on the host. */
  readonly diskBytes?: number;
  /** The same of its second disk. */
  readonly dataDiskBytes?: number;
};

export async function observe(driver: Driver, directory: ApplianceDirectory): Promise<Observation> {
  const vm = await driver.inspect(directory.uuid, directory.path);
  const diskBytes = await bytesOf(directory.diskPath);
  const dataDiskBytes = await bytesOf(directory.dataDiskPath);
  return {
    ...(vm === undefined ? {} : { vm }),
    ...(diskBytes === undefined ? {} : { diskBytes }),
    ...(dataDiskBytes === undefined ? {} : { dataDiskBytes }),
  };
}

/** Why a VM that should run does not: the hypervisor's reason where it gives one, and the end of the console. */
export async function whyNotRunning(
  { host, desired, directory }: Scope,
  found: VmObservation | undefined,
): Promise<HostError> {
  const domain = domainOf(desired);
  if (found?.state === 'Paused' && found.problem !== undefined)
    return hostErrors.vmPaused(domain, found.problem);
  const console = await host.driver.consoleTail(directory.path, CONSOLE_TAIL_BYTES);
  return hostErrors.vmStopped(domain, found?.state ?? 'Stopped', console, found?.problem);
}

async function bytesOf(path: string): Promise<number | undefined> {
  return await ifThere(allocatedBytes(path));
}
