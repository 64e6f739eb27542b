import { type FileHandle, open, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ifThere } from '../../../files/if-there.ts';
import type { VmDisk } from '../../vm.ts';

const MAGIC = 0x514649fb;
const HEADER_BYTES = 48;
const ENTRY_BYTES = 8;
/** The first table of a disk of 64 TiB has as many. */
const LONGEST_BYTES = 1024 * 1024;

/**
 * Why a guest whose memory is of the moment of the disk `saved` must not have this disk; undefined when it may. Memory and disk are of
 * one moment: with a disk that was written since, be it by the same VM, the guest would destroy its file system.
 */
export async function whyNotFresh({ path, layers }: VmDisk, saved: string): Promise<string | undefined> {
  const own = await look(path);
  const nearest = layers === undefined ? own.backing : (layers[0] ?? '');
  const [found, wanted] = await Promise.all(
    [resolve(dirname(path), nearest), saved].map((file) => ifThere(realpath(file))),
  );
  if (nearest === '' || found === undefined || found !== wanted)
    return `${path} does not stand on ${saved}, which belongs to its memory`;
  if (own.isWritten) return `${path} was written since, so it is no longer what the memory knows`;
  const { virtualBytes } = await look(saved);
  if (own.virtualBytes < virtualBytes)
    return `${path} has ${own.virtualBytes} bytes, and the disk that was saved ${virtualBytes}`;
  return undefined;
}

/** https://www.qemu.org/docs/master/interop/qcow2.html */
async function look(path: string) {
  const file = await open(path, 'r');
  try {
    const head = await read(file, 0, HEADER_BYTES);
    if (head.readUInt32BE(0) !== MAGIC) throw new Error(`${path} is no qcow2 file`);
    const backing = await read(file, Number(head.readBigUInt64BE(8)), head.readUInt32BE(16));
    const table = await read(file, Number(head.readBigUInt64BE(40)), head.readUInt32BE(36) * ENTRY_BYTES);
    return {
      backing: backing.toString(),
      virtualBytes: Number(head.readBigUInt64BE(24)),
      // Nothing of its disk is in the file while its first table is empty.
      isWritten: table.some((byte) => byte !== 0),
    };
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, start: number, bytes: number): Promise<Buffer> {
  if (bytes > LONGEST_BYTES) throw new Error(`its header speaks of ${bytes} bytes at ${start}`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, start);
  if (bytesRead < bytes) throw new Error(`it ends before ${start + bytes} bytes`);
  return buffer;
}
