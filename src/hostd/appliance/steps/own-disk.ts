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
 * The appliance's disk is a file of its own, which its VM may write to. A seal gives the disk of a VM that is off a second name, and
 * makes it a layer: what others stand on must not change. It is copied beside and renamed.
 */
export async function ensureOwnDisk(scope: Scope, signal: AbortSignal): Promise<void> {
  const { host, directory } = scope;
  const path = directory.diskPath;
  if (!(await isLayerToo(scope))) {
    // It was a layer, which is gone.
    const found = await ifThere(stat(path));
    if (found !== undefined && (found.mode & WRITABLE) === 0) await chmod(path, OWN_MODE);
    return;
  }
  const what = `a copy of the disk of ${labelOf(scope.desired)}, which is a layer now,`;
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

/**
 * Runs `work`, in which the VM begins to write to its disk; meanwhile no seal gives the disk a second name.
 * @throws HostError DiskSealed when it has one
 */
export function withOwnDisk<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  return scope.host.disks.run(scope.desired.uuid, async () => {
    if (await isLayerToo(scope)) throw hostErrors.diskSealed(scope.directory.diskPath);
    return await work();
  });
}

/** A VM that is there has its disk open; whatever second name the file has then, no seal gave it. */
async function isLayerToo({ host, desired, directory }: Scope): Promise<boolean> {
  const found = await ifThere(stat(directory.diskPath));
  if (found === undefined || found.nlink === 1) return false;
  const vm = await host.driver.inspect(desired.uuid, directory.path);
  return vm === undefined || vm.state === 'Stopped' || vm.state === 'Crashed';
}
