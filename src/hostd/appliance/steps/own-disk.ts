import { chmod, constants, copyFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hostErrors } from '../../errors/index.ts';
import { allocatedBytes, PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files/durable-files.ts';
import { ifThere } from '../../files/if-there.ts';
import { ensureSpace } from '../../files/space.ts';
import { labelOf, type Scope } from '../scope.ts';

const OWN_MODE = 0o600;
const WRITABLE = 0o200;

/**
 * The appliance's disks are files of its own, which its VM may write to. A seal gives the disks of a VM that is off second names, and
 * makes them layers: what others stand on must not change. They are copied beside and renamed.
 */
export async function ensureOwnDisks(scope: Scope, signal: AbortSignal): Promise<void> {
  for (const path of disksOf(scope)) {
    if (await isLayerToo(scope, path)) await copyBeside(scope, path, signal);
    else await ensureWritable(path);
  }
}

/**
 * Runs `work`, in which the VM begins to write to its disks; meanwhile no seal gives them second names.
 * @throws HostError DiskSealed when one has
 */
export function withOwnDisks<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  return scope.host.disks.run(scope.desired.uuid, async () => {
    for (const path of disksOf(scope)) if (await isLayerToo(scope, path)) throw hostErrors.diskSealed(path);
    return await work();
  });
}

function disksOf({ directory }: Scope): readonly string[] {
  return [directory.diskPath, directory.dataDiskPath];
}

/** A VM that is there has its disks open; whatever second name such a file has then, no seal gave it. */
async function isLayerToo({ host, desired, directory }: Scope, path: string): Promise<boolean> {
  const found = await ifThere(stat(path));
  if (found === undefined || found.nlink === 1) return false;
  const vm = await host.driver.inspect(desired.uuid, directory.path);
  return vm === undefined || vm.state === 'Stopped' || vm.state === 'Crashed';
}

/** A file that was a layer is read-only, also when the layer is gone. */
async function ensureWritable(path: string): Promise<void> {
  const found = await ifThere(stat(path));
  if (found !== undefined && (found.mode & WRITABLE) === 0) await chmod(path, OWN_MODE);
}

async function copyBeside({ host, desired }: Scope, path: string, signal: AbortSignal): Promise<void> {
  const what = `a copy of a disk of ${labelOf(desired)}, which is a layer now,`;
  await ensureSpace(dirname(path), what, await allocatedBytes(path), host.reserveBytes);
  signal.throwIfAborted();
  const partial = path + PARTIAL_SUFFIX;
  await rm(partial, { force: true });
  try {
    await copyFile(path, partial, constants.COPYFILE_FICLONE);
    await chmod(partial, OWN_MODE);
    await syncFile(partial);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await rename(partial, path);
  await syncDirectory(dirname(path));
}
