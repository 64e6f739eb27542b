import { type FileHandle, open, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ifThere } from '../../../files/if-there.ts';
import { readHeader } from '../../../layers/qcow2/header.ts';
import type { VmDisk } from '../../driver.ts';

const ENTRY_BYTES = 8;

/**
 * Why a guest whose memory is of the moment of the disk `saved` must not have this disk; undefined when it may. Memory and disk are of
 * one moment: with a disk that was written since, be it by the same VM, the guest would destroy its file system.
 */
export async function whyNotFresh({ path, layers }: VmDisk, saved: string): Promise<string | undefined> {
  const { header, isWritten } = await look(path);
  const nearest = layers?.[0] ?? header.backing ?? '';
  const [found, wanted] = await Promise.all(
    [resolve(dirname(path), nearest), saved].map((file) => ifThere(realpath(file))),
  );
  if (nearest === '' || found === undefined || found !== wanted)
    return `${path} does not stand on ${saved}, which belongs to its memory`;
  if (isWritten) return `${path} was written since, so it is no longer what the memory knows`;
  const { virtualBytes } = (await look(saved)).header;
  if (header.virtualBytes < virtualBytes)
    return `${path} has ${header.virtualBytes} bytes, and the disk that was saved ${virtualBytes}`;
  return undefined;
}

async function look(path: string) {
  const file = await open(path, 'r');
  try {
    const header = await readHeader(file, path);
    return { header, isWritten: await hasTables(file, header) };
  } finally {
    await file.close();
  }
}

/** Nothing of a qcow2 file's disk is in it while its first table is empty. */
async function hasTables(
  file: FileHandle,
  { l1Entries, l1Offset }: { readonly l1Entries: number; readonly l1Offset: number },
): Promise<boolean> {
  const bytes = l1Entries * ENTRY_BYTES;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, l1Offset);
  return buffer.subarray(0, bytesRead).some((byte) => byte !== 0);
}
