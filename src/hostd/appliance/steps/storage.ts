import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { instant } from '../../../base/clock.ts';
import { own } from '../../../base/own.ts';
import { isOfOtherFirmware } from '../../../domain/firmware.ts';
import type { DesiredAppliance, LayerStatus } from '../../../host/protocol.ts';
import { codeOf, hostErrors } from '../../errors/index.ts';
import { allocatedBytes, PARTIAL_SUFFIX, publishFile } from '../../files/durable-files.ts';
import { fileExists } from '../../files/if-there.ts';
import { ensureSpace } from '../../files/space.ts';
import type { Step } from '../pass.ts';
import { labelOf, portOwnerOf, type Scope } from '../scope.ts';
import { ensureOwnDisks, withOwnDisks } from './own-disk.ts';

/** Every layer that an appliance uses: its disks', those it boots or continues from, and its CD's. */
export function layersOf({
  layer,
  boot,
  cd,
  checkpoint,
  disk: { dataLayer },
}: DesiredAppliance): readonly string[] {
  const { kernel, initrd } = boot.kind === 'direct' ? boot : {};
  const { memory, state } = checkpoint ?? {};
  return [layer, dataLayer, kernel, initrd, cd, memory, state].filter((identity) => identity !== undefined);
}

/** The appliance's layers are sealed on this host. A running VM has already opened them, so later problems do not stop it. */
export function layersStep({ host, desired, directory }: Scope): Step {
  const wanted = layersOf(desired);
  return {
    name: 'Layers',
    isDone: async () => {
      if (wanted.every((identity) => host.layers.has(identity))) return true;
      return (await host.driver.inspect(desired.uuid, directory.path))?.state === 'Running';
    },
    run: (signal) => host.layers.whenReady(wanted, signal),
  };
}

/** Each forwarded port has a host port of its own, and the record says which. */
export function portsStep({ host, desired, record }: Scope): Step {
  const requests = desired.network.mode === 'user' ? desired.network.ports : [];
  return {
    name: 'Ports',
    isDone: async () =>
      requests.every(({ name, hostPort }) => {
        const reserved = own(record.current.ports, name);
        return reserved !== undefined && (hostPort === undefined || hostPort === reserved);
      }),
    run: async () => {
      record.update({
        ports: await host.ports.reserve(portOwnerOf(desired), requests, record.current.ports),
      });
      await record.saved();
    },
  };
}

/** One of the appliance's disks. */
type Volume = {
  readonly path: string;
  /** How large it is at least, in bytes; 0 for as large as it is made. */
  readonly wantedBytes: number;
  /** The fields of the record that say when it was made, and how large it is. */
  readonly creation: 'diskCreatedAt' | 'dataDiskCreatedAt';
  readonly size: 'diskBytes' | 'dataBytes';
  /** Makes it under another name. */
  make(partial: string, signal: AbortSignal): Promise<void>;
};

function volumesOf(scope: Scope): readonly Volume[] {
  const { directory, desired } = scope;
  const { sizeBytes = 0, dataBytes } = desired.disk;
  const root: Volume = {
    path: directory.diskPath,
    wantedBytes: sizeBytes,
    creation: 'diskCreatedAt',
    size: 'diskBytes',
    make: (partial, signal) => makeRoot(scope, partial, signal),
  };
  if (dataBytes === undefined) return [root];
  const data: Volume = {
    path: directory.dataDiskPath,
    wantedBytes: dataBytes,
    creation: 'dataDiskCreatedAt',
    size: 'dataBytes',
    make: (partial, signal) => makeData(scope, partial, dataBytes, signal),
  };
  return [root, data];
}

/**
 * The appliance has its disks, of the sizes that it asks for. They are made under other names and then renamed, and never replace an
 * existing disk. An existing one grows while the VM is off, and never shrinks.
 */
export function diskStep(scope: Scope): Step {
  const volumes = volumesOf(scope);
  return {
    name: 'Disk',
    isDone: async () => {
      for (const volume of volumes) if (!(await isAsWanted(scope, volume))) return false;
      return true;
    },
    run: async (signal) => {
      for (const volume of volumes)
        if (!(await isAsWanted(scope, volume))) await makeOrGrow(scope, volume, signal);
    },
  };
}

async function isAsWanted({ host, record }: Scope, volume: Volume): Promise<boolean> {
  const { path, wantedBytes, creation } = volume;
  if (!(await fileExists(path))) return false;
  if (record.current[creation] === undefined) record.update({ [creation]: instant(host.clock.now()) });
  const { size } = record.current;
  if (wantedBytes === 0) return true;
  if (size !== undefined) return (size[volume.size] ?? 0) >= wantedBytes;
  // It never ran, and was perhaps made for an earlier request.
  return (await host.driver.images.inspect(path, 'qcow2')).virtualBytes >= wantedBytes;
}

async function makeOrGrow(scope: Scope, volume: Volume, signal: AbortSignal): Promise<void> {
  const { host, record } = scope;
  const { path, wantedBytes, creation } = volume;
  const madeAt = record.current[creation];
  if (await fileExists(path)) {
    await ensureOwnDisks(scope, signal);
    await withOwnDisks(scope, () => host.driver.images.grow(path, wantedBytes, signal));
  } else if (madeAt !== undefined) throw hostErrors.diskMissing(path, madeAt);
  else {
    await make(volume, signal);
    record.update({ [creation]: instant(host.clock.now()) });
  }
  const { size } = record.current;
  if (size !== undefined && wantedBytes > 0) record.update({ size: { ...size, [volume.size]: wantedBytes } });
  await record.saved();
}

async function make({ path, make }: Volume, signal: AbortSignal): Promise<void> {
  const partial = path + PARTIAL_SUFFIX;
  await rm(partial, { force: true });
  await make(partial, signal);
  try {
    await publishFile(partial, path);
  } catch (error) {
    // Somebody put a disk there meanwhile: that one stays, and this one is removed.
    if (codeOf(error) !== 'EEXIST') throw error;
    await rm(partial, { force: true });
  }
}

/** A layer is judged for all who use it: whether it must boot by itself is the appliance's affair. */
function requireSomethingToBoot(
  { boot, xen, layer }: DesiredAppliance,
  status: LayerStatus | undefined,
): void {
  if (boot.kind !== 'firmware' || xen?.bootLoader !== undefined) return;
  const content = status?.content ?? 'something unknown';
  if (status?.bootable === false) throw hostErrors.nothingToBoot(layer, content);
  const { firmware } = boot;
  if (firmware !== undefined && isOfOtherFirmware(firmware, status?.firmware))
    throw hostErrors.otherFirmware(layer, firmware, content);
}

async function makeRoot({ host, desired }: Scope, partial: string, signal: AbortSignal): Promise<void> {
  const { layers, driver, reserveBytes } = host;
  const layer = layers.readyPath(desired.layer);
  if (layer === undefined) throw hostErrors.layerNotHere(desired.layer);
  requireSomethingToBoot(desired, layers.get(desired.layer));
  const clone = desired.disk.mode === 'Clone';
  const copied = clone ? await Promise.all(layers.chain(desired.layer).map(allocatedBytes)) : [];
  const neededBytes = copied.reduce((sum, bytes) => sum + bytes, 0);
  const roomBytes = await ensureSpace(
    dirname(partial),
    `the disk of ${labelOf(desired)}`,
    neededBytes,
    reserveBytes,
  );
  signal.throwIfAborted();
  if (clone) await driver.images.createClone(layer, partial, desired.disk.sizeBytes, { signal, roomBytes });
  else await driver.images.createOverlay(layer, partial, desired.disk.sizeBytes, signal);
}

async function makeData(
  { host: { driver, layers, reserveBytes }, desired }: Scope,
  partial: string,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  await ensureSpace(dirname(partial), `the data disk of ${labelOf(desired)}`, 0, reserveBytes);
  signal.throwIfAborted();
  const { dataLayer } = desired.disk;
  if (dataLayer === undefined) return await driver.images.createEmpty(partial, bytes, signal);
  const layer = layers.readyPath(dataLayer);
  if (layer === undefined) throw hostErrors.layerNotHere(dataLayer);
  await driver.images.createOverlay(layer, partial, bytes, signal);
}
