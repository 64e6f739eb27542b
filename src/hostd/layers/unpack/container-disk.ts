import { hostErrors } from '../../errors/index.ts';
import { visitFiles } from './archive.ts';
import type { SparseFile } from './sparse-file.ts';

/** A file in /disk, as layers name it; those that begin with `.wh.` say what a layer takes away. */
const IN_DISK = /^(?:\.?\/)?disk\/(?!\.wh\.)[^/]+$/;

/** Whether a container image's layer has a file in /disk. It is read up to there. */
export async function hasContainerDisk(tar: AsyncIterable<Uint8Array>): Promise<boolean> {
  let has = false;
  await visitFiles(tar, async ({ name }) => {
    has = IN_DISK.test(name);
    return has ? 'stop' : undefined;
  });
  return has;
}

/**
 * Writes the one file in /disk of a container image's layer. Rejects with `ImageInvalid` when there is none, or more than one.
 * https://kubevirt.io/user-guide/storage/disks_and_volumes/#containerdisk
 */
export async function takeContainerDisk(
  tar: AsyncIterable<Uint8Array>,
  target: SparseFile,
  what: string,
): Promise<void> {
  const names: string[] = [];
  await visitFiles(tar, async (file) => {
    if (!IN_DISK.test(file.name)) return undefined;
    names.push(file.name);
    if (names.length === 1) for await (const piece of file.rest()) await target.write(piece);
    return undefined;
  });
  if (names.length === 0) throw hostErrors.containerDiskInvalid(what, 'it has no file there');
  if (names.length > 1) {
    throw hostErrors.containerDiskInvalid(what, `it has ${names.length} (${names.slice(0, 10).join(', ')})`);
  }
}
