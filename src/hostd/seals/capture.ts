import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { CaptureOptions, Driver } from '../drivers/driver.ts';
import { hostErrors } from '../errors/index.ts';
import { allocatedBytes, syncDirectory } from '../files/durable-files.ts';
import { fileExists } from '../files/if-there.ts';
import { ensureSpace } from '../files/space.ts';

/** An appliance of this host. */
export type SealedAppliance = {
  readonly desired: DesiredAppliance;
  readonly directory: { readonly path: string; readonly diskPath: string };
};

export type CaptureContext = {
  readonly driver: Driver;
  /** Undefined for one that is not here, or goes. */
  readonly applianceOf: (uuid: string) => SealedAppliance | undefined;
  /** The file of a layer that is here and sound. */
  readonly layerPath: (identity: string) => string | undefined;
  /** Between a look whether a disk has a second name and the start of its VM, nobody gives it one; by the appliance's uuid. */
  readonly disks: KeyedMutex;
  readonly reserveBytes: number;
};

/** What was captured. */
export type Captured = {
  /** The layer that the disk stood on. */
  readonly parent: string;
  readonly warning?: string;
};

/**
 * Gives what the appliance's disk holds the name `target`: a second name of the file where no VM runs, else a copy. Replaces what an
 * interrupted call left there.
 * @throws HostError ApplianceGone, DiskNotMade, VmNotAtRest, VmMustBeOff, CaptureFailed, DiskFull
 */
export async function captureDisk(
  context: CaptureContext,
  uuid: string,
  target: string,
  options: CaptureOptions,
): Promise<Captured> {
  const appliance = context.applianceOf(uuid);
  if (appliance === undefined) throw hostErrors.applianceToSealGone(uuid);
  const { desired, directory } = appliance;
  if (!(await fileExists(directory.diskPath))) throw hostErrors.nothingToSeal(labelOf(desired));
  const vm = await context.driver.inspect(uuid, directory.path);
  const parent = desired.layer;
  if (vm?.state === 'Running') return { parent, ...(await copyOf(context, appliance, target, options)) };
  await secondName(context, appliance, target);
  return { parent };
}

async function secondName(
  { driver, disks }: CaptureContext,
  { desired, directory }: SealedAppliance,
  target: string,
): Promise<void> {
  const { uuid } = desired;
  await disks.run(uuid, async () => {
    const vm = await driver.inspect(uuid, directory.path);
    // What is left of a VM that failed may still have the file open.
    const isOff = vm === undefined || (vm.state === 'Stopped' && vm.remains !== true);
    if (!isOff) throw hostErrors.vmInTheWay(labelOf(desired), vm.state);
    await rm(target, { force: true });
    await link(directory.diskPath, target);
  });
  await syncDirectory(dirname(target));
}

async function copyOf(
  { driver, layerPath, reserveBytes }: CaptureContext,
  { desired, directory }: SealedAppliance,
  target: string,
  options: CaptureOptions,
) {
  const { uuid, layer: identity } = desired;
  const label = labelOf(desired);
  if (desired.powerState === 'Stopped') throw hostErrors.vmInTheWay(label, 'not off yet');
  if (driver.captures === undefined) throw hostErrors.vmMustBeOff(label, (await driver.probe()).name);
  const layer = layerPath(identity);
  if (layer === undefined) throw hostErrors.layerNotHere(identity);
  const neededBytes = await allocatedBytes(directory.diskPath);
  await ensureSpace(dirname(target), `a copy of the disk of ${label}`, neededBytes, reserveBytes);
  const { path, diskPath } = directory;
  return await driver.captures.capture({ uuid, directory: path, diskPath, layer }, target, options);
}

function labelOf({ namespace, name, uuid }: DesiredAppliance): string {
  return `appliance ${namespace}/${name} (${uuid})`;
}
