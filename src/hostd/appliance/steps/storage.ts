import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { instant } from '../../../base/clock.ts';
import { own } from '../../../base/own.ts';
import type { DesiredAppliance, LayerStatus } from '../../../host/protocol.ts';
import { codeOf, hostErrors } from '../../errors/index.ts';
import { PARTIAL_SUFFIX, publishFile } from '../../files/durable-files.ts';
import { fileExists } from '../../files/if-there.ts';
import { ensureSpace } from '../../files/space.ts';
import type { Step } from '../pass.ts';
import { labelOf, portOwnerOf, type Scope } from '../scope.ts';

/** Every layer that an appliance uses: its disk's, and those it boots from. */
export function layersOf({ layer, boot }: DesiredAppliance): readonly string[] {
  if (boot.kind === 'firmware') return [layer];
  return [layer, boot.kernel, ...(boot.initrd === undefined ? [] : [boot.initrd])];
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

/**
 * The appliance has its disk, of the size that it asks for. It is made under another name and then renamed, and never replaces an
 * existing disk. An existing one grows while the VM is off, and never shrinks.
 */
export function diskStep(scope: Scope): Step {
  const { desired, directory, host, record } = scope;
  const { sizeBytes = 0 } = desired.disk;
  return {
    name: 'Disk',
    isDone: async () => {
      if (!(await fileExists(directory.diskPath))) return false;
      if (record.current.diskCreatedAt === undefined) recordCreation(scope);
      const { size } = record.current;
      if (sizeBytes === 0) return true;
      if (size !== undefined) return (size.diskBytes ?? 0) >= sizeBytes;
      // It never ran, and was perhaps made for an earlier request.
      return (await host.driver.images.inspect(directory.diskPath, 'qcow2')).virtualBytes >= sizeBytes;
    },
    run: async (signal) => {
      const { diskCreatedAt, size } = record.current;
      if (await fileExists(directory.diskPath)) {
        await host.driver.images.grow(directory.diskPath, sizeBytes, signal);
        if (size !== undefined) record.update({ size: { ...size, diskBytes: sizeBytes } });
        return;
      }
      if (diskCreatedAt !== undefined) throw hostErrors.diskMissing(directory.diskPath, diskCreatedAt);
      await createDisk(scope, signal);
      recordCreation(scope);
      await record.saved();
    },
  };
}

function recordCreation({ host, record }: Scope): void {
  record.update({ diskCreatedAt: instant(host.clock.now()) });
}

/** A layer is judged for all who use it: whether it must boot by itself is the appliance's affair. */
function requireSomethingToBoot(
  { boot, xen, layer }: DesiredAppliance,
  status: LayerStatus | undefined,
): void {
  const bootsItself = boot.kind === 'firmware' && xen?.bootLoader === undefined;
  if (!bootsItself || status?.bootable !== false) return;
  throw hostErrors.nothingToBoot(layer, status.content ?? 'something unknown');
}

async function createDisk({ host, desired, directory }: Scope, signal: AbortSignal): Promise<void> {
  const { layers, driver, reserveBytes } = host;
  const layer = layers.readyPath(desired.layer);
  if (layer === undefined) throw hostErrors.layerNotHere(desired.layer);
  requireSomethingToBoot(desired, layers.get(desired.layer));
  const partial = directory.diskPath + PARTIAL_SUFFIX;
  await rm(partial, { force: true });
  const clone = desired.disk.mode === 'Clone';
  const neededBytes = clone ? (layers.get(desired.layer)?.storedBytes ?? 0) : 0;
  const roomBytes = await ensureSpace(
    dirname(partial),
    `the disk of ${labelOf(desired)}`,
    neededBytes,
    reserveBytes,
  );
  signal.throwIfAborted();
  if (clone) await driver.images.createClone(layer, partial, desired.disk.sizeBytes, { signal, roomBytes });
  else await driver.images.createOverlay(layer, partial, desired.disk.sizeBytes, signal);
  try {
    await publishFile(partial, directory.diskPath);
  } catch (error) {
    // Somebody put a disk there meanwhile: that one stays, and this one is removed.
    if (codeOf(error) !== 'EEXIST') throw error;
    await rm(partial, { force: true });
  }
}
