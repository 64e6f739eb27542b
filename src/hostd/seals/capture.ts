import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { CaptureOptions, DiskToCapture } from '../drivers/captures.ts';
import type { Driver } from '../drivers/driver.ts';
import { hostErrors } from '../errors/index.ts';
import { allocatedBytes, syncDirectory } from '../files/durable-files.ts';
import { fileExists } from '../files/if-there.ts';
import { ensureSpace } from '../files/space.ts';
import type { Captured } from './captured.ts';

/** An appliance of this host. */
export type SealedAppliance = {
  readonly desired: DesiredAppliance;
  readonly directory: {
    readonly path: string;
    readonly diskPath: string;
    readonly dataDiskPath: string;
    readonly buildLogPath: string;
  };
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

/** The names that get what the disks hold. */
export type CaptureTargets = { readonly disk: string; readonly data: string };

/**
 * Gives what the appliance's disks hold the names in `targets`: second names of the files where no VM runs, else copies. Replaces what
 * an interrupted call left there.
 * @param request `flat`: all that the guest sees is copied
 * @throws HostError ApplianceGone, DiskNotMade, VmNotAtRest, VmMustBeOff, CaptureFailed, DiskFull
 */
export async function captureDisks(
  context: CaptureContext,
  { appliance: uuid, flat = false }: { readonly appliance: string; readonly flat?: boolean },
  targets: CaptureTargets,
  options: CaptureOptions,
): Promise<Captured> {
  const appliance = context.applianceOf(uuid);
  if (appliance === undefined) throw hostErrors.applianceToSealGone(uuid);
  const { desired, directory } = appliance;
  const disks = disksOf(appliance, targets);
  for (const { path } of disks)
    if (!(await fileExists(path))) throw hostErrors.nothingToSeal(labelOf(desired));
  const vm = await context.driver.inspect(uuid, directory.path);
  const copies = flat ? disks.map(({ identity: _, ...disk }) => disk) : disks;
  if (vm?.state === 'Running') {
    const capture = await copiesOf(context, appliance, copies, options);
    return { ...(flat ? withoutParents(desired) : parentsOf(desired)), ...capture };
  }
  if (!flat) {
    await secondNames(context, appliance, disks);
    return parentsOf(desired);
  }
  // The VM may start meanwhile: it then gets disks of its own, and these stay as they are.
  const names = disks.map((disk) => ({ ...disk, target: sourceOf(disk.target) }));
  await secondNames(context, appliance, names);
  for (const { target } of disks) {
    await copyWhole(context, sourceOf(target), target, options.signal);
    await rm(sourceOf(target), { force: true });
  }
  return withoutParents(desired);
}

/** Gives what a guest sees of these layers the names in `targets`. @throws HostError LayerMissing, DiskFull */
export async function captureLayers(
  context: CaptureContext,
  { disk, data }: { readonly disk: string; readonly data?: string },
  targets: CaptureTargets,
  signal: AbortSignal,
): Promise<Captured> {
  const wanted = [
    [disk, targets.disk] as const,
    ...(data === undefined ? [] : [[data, targets.data] as const]),
  ];
  for (const [identity, target] of wanted) {
    const path = context.layerPath(identity);
    if (path === undefined) throw hostErrors.layerNotHere(identity);
    await copyWhole(context, path, target, signal);
  }
  return data === undefined ? {} : { data: {} };
}

/** Copies all that a guest sees of a disk, whatever it stands on; what is copied needs as much room as there is, at most. */
async function copyWhole(
  { driver, reserveBytes }: CaptureContext,
  path: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  await rm(target, { force: true });
  const roomBytes = await ensureSpace(dirname(target), `a whole copy of ${path}`, 0, reserveBytes);
  await driver.images.createClone(path, target, undefined, { signal, roomBytes });
}

/** The second name of a disk from which a whole copy is made. */
export function sourceOf(target: string): string {
  return `${target}.source`;
}

/** The layers that an appliance's disks stand on. */
export function parentsOf({ layer, disk: { dataBytes, dataLayer } }: DesiredAppliance): Captured {
  const data = dataLayer === undefined ? {} : { parent: dataLayer };
  return { parent: layer, ...(dataBytes === undefined ? {} : { data }) };
}

function withoutParents({ disk: { dataBytes } }: DesiredAppliance): Captured {
  return dataBytes === undefined ? {} : { data: {} };
}

type Disk = Omit<DiskToCapture, 'layer'> & { readonly identity?: string | undefined };

function disksOf({ desired, directory }: SealedAppliance, targets: CaptureTargets): readonly Disk[] {
  const { dataBytes, dataLayer } = desired.disk;
  const { diskPath, dataDiskPath } = directory;
  const disk = { which: 'disk', path: diskPath, target: targets.disk, identity: desired.layer } as const;
  if (dataBytes === undefined) return [disk];
  return [disk, { which: 'dataDisk', path: dataDiskPath, target: targets.data, identity: dataLayer }];
}

async function secondNames(
  { driver, disks: turns }: CaptureContext,
  { desired, directory }: SealedAppliance,
  disks: readonly Disk[],
): Promise<void> {
  const { uuid } = desired;
  await turns.run(uuid, async () => {
    const vm = await driver.inspect(uuid, directory.path);
    // What is left of a VM that failed may still have the files open.
    const isOff = vm === undefined || (vm.state === 'Stopped' && vm.remains !== true);
    if (!isOff) throw hostErrors.vmInTheWay(labelOf(desired), vm.state);
    for (const { path, target } of disks) {
      await rm(target, { force: true });
      await link(path, target);
    }
  });
  await Promise.all(disks.map(({ target }) => syncDirectory(dirname(target))));
}

async function copiesOf(
  { driver, layerPath, reserveBytes }: CaptureContext,
  { desired, directory }: SealedAppliance,
  disks: readonly Disk[],
  options: CaptureOptions,
) {
  const label = labelOf(desired);
  if (desired.powerState === 'Stopped') throw hostErrors.vmInTheWay(label, 'not off yet');
  if (driver.captures === undefined) throw hostErrors.vmMustBeOff(label, (await driver.probe()).name);
  const toCopy = disks.map(({ identity, ...disk }): DiskToCapture => {
    if (identity === undefined) return disk;
    const layer = layerPath(identity);
    if (layer === undefined) throw hostErrors.layerNotHere(identity);
    return { ...disk, layer };
  });
  for (const { path, target } of toCopy)
    await ensureSpace(dirname(target), `a copy of ${path}`, await allocatedBytes(path), reserveBytes);
  return await driver.captures.capture({ uuid: desired.uuid, directory: directory.path }, toCopy, options);
}

/** How errors name an appliance. */
export function labelOf({ namespace, name, uuid }: DesiredAppliance): string {
  return `appliance ${namespace}/${name} (${uuid})`;
}
