import type { FileHandle } from 'node:fs/promises';
import { hostErrors } from '../../errors/index.ts';

/** https://www.qemu.org/docs/master/interop/qcow2.html. Only what files of layers have: no compression, encryption or data file. */
export type Qcow2Header = {
  readonly virtualBytes: number;
  readonly clusterBits: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  /** Name of the backing file in the header, as it stands there. */
  readonly backing: string | undefined;
};

const MAGIC = 0x514649fb;
const HEADER_BYTES = 104;
/** The file was not closed; its reference counts may be wrong, which only a writer minds. */
const DIRTY = 1n;
const SMALLEST_CLUSTER_BITS = 16;
const LARGEST_CLUSTER_BITS = 21;
const LONGEST_BACKING_NAME = 1023;

export async function readHeader(file: FileHandle, path: string): Promise<Qcow2Header> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const refuse = (problem: string) => hostErrors.layerDamaged(path, problem);
  if (bytesRead < HEADER_BYTES || buffer.readUInt32BE(0) !== MAGIC) throw refuse('it is no qcow2 file');
  const version = buffer.readUInt32BE(4);
  if (version !== 3) throw refuse(`it is qcow2 of version ${version}, and layers are of version 3`);
  if (buffer.readUInt32BE(32) !== 0) throw refuse('it is encrypted');
  const features = buffer.readBigUInt64BE(72);
  if ((features & ~DIRTY) !== 0n) throw refuse(`it has features that layers have not (${features})`);
  const clusterBits = buffer.readUInt32BE(20);
  if (clusterBits < SMALLEST_CLUSTER_BITS || clusterBits > LARGEST_CLUSTER_BITS)
    throw refuse(`its clusters have ${2 ** clusterBits} bytes`);
  const virtualBytes = Number(buffer.readBigUInt64BE(24));
  const l1Entries = buffer.readUInt32BE(36);
  if (l1Entries < Math.ceil(virtualBytes / bytesPerTable(clusterBits)))
    throw refuse('its first table is too short');
  const l1Offset = Number(buffer.readBigUInt64BE(40));
  return { virtualBytes, clusterBits, l1Entries, l1Offset, backing: await backingOf(file, buffer, refuse) };
}

/** How many bytes of the disk one table of the second level describes. */
export function bytesPerTable(clusterBits: number): number {
  return 2 ** (clusterBits - 3 + clusterBits);
}

async function backingOf(
  file: FileHandle,
  header: Buffer,
  refuse: (problem: string) => Error,
): Promise<string | undefined> {
  const offset = Number(header.readBigUInt64BE(8));
  const length = header.readUInt32BE(16);
  if (offset === 0) return undefined;
  if (length > LONGEST_BACKING_NAME) throw refuse('the name of its backing file is too long');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  if (bytesRead < length) throw refuse('the name of its backing file is cut off');
  return buffer.toString();
}
