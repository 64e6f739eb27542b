import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { DataFinder, Stretch } from '../../common/data-finder.ts';

/** The files of a checkpoint. */
export const contentFiles = {
  record: 'checkpoint.json',
  /** What the guest sees as its memory, byte for byte; pages of zeroes are holes. */
  memory: 'memory',
  /** The state of all devices, as QEMU writes it. */
  state: 'state',
  disk: 'disk.qcow2',
  dataDisk: 'data.qcow2',
} as const;

/** What is read, and looked at, at once. */
const READ_BYTES = 1024 * 1024;
/** What goes into the digest, or is left out of it, as a whole. */
const BLOCK_BYTES = 64 * 1024;
/** What becomes a hole, or does not. */
const PAGE_BYTES = 4096;
const ZEROES = Buffer.alloc(READ_BYTES);

export type ReadOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
};

/**
 * Copies the first `bytes` of a file, and leaves holes for pages of zeroes. Resolves with the digest of the content, which does not
 * depend on what is a hole.
 */
export async function copySparsely(
  source: FileHandle,
  target: FileHandle,
  bytes: number,
  options: ReadOptions = {},
): Promise<string> {
  const all = [{ start: 0, length: bytes }];
  const digest = await readBlocks(source, bytes, all, options, (block, at) => writePages(target, block, at));
  await target.truncate(bytes);
  return digest;
}

/** The digest of a file's content, as `copySparsely` tells it. Holes are not read. */
export async function contentDigest(
  path: string,
  findData: DataFinder,
  options: ReadOptions = {},
): Promise<string> {
  const stretches = await findData(path, options.signal);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await readBlocks(file, size, stretches, options, async () => undefined);
  } finally {
    await file.close();
  }
}

/** Calls `each` with every block that is not zeroes; outside the stretches, which are in order, there are zeroes alone. */
async function readBlocks(
  source: FileHandle,
  bytes: number,
  stretches: readonly Stretch[],
  { signal, onProgress }: ReadOptions,
  each: (block: Buffer, at: number) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(Math.min(READ_BYTES, bytes));
  let next = 0;
  for (let at = 0; at < bytes; at += READ_BYTES) {
    signal?.throwIfAborted();
    const part = buffer.subarray(0, Math.min(READ_BYTES, bytes - at));
    while (endOf(stretches[next]) <= at) next += 1;
    if ((stretches[next]?.start ?? bytes) >= at + part.length) continue;
    await fill(source, part, at);
    for (let start = 0; start < part.length && !isZero(part); start += BLOCK_BYTES) {
      const block = part.subarray(start, start + BLOCK_BYTES);
      if (isZero(block)) continue;
      hash.update(`${at + start}\n`).update(block);
      await each(block, at + start);
    }
    onProgress?.(part.length);
  }
  return hash.update(`${bytes}`).digest('hex');
}

function endOf(stretch: Stretch | undefined): number {
  return stretch === undefined ? Number.POSITIVE_INFINITY : stretch.start + stretch.length;
}

async function fill(source: FileHandle, target: Buffer, start: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await source.read(target, done, target.length - done, start + done);
    if (bytesRead === 0) throw new Error(`it ends ${target.length - done} bytes early`);
    done += bytesRead;
  }
}

async function writePages(target: FileHandle, block: Buffer, at: number): Promise<void> {
  for (let start = 0; start < block.length; ) {
    let end = start;
    while (end < block.length && !isZero(block.subarray(end, end + PAGE_BYTES))) end += PAGE_BYTES;
    for (let done = start; done < Math.min(end, block.length); ) {
      const { bytesWritten } = await target.write(block, done, Math.min(end, block.length) - done, at + done);
      done += bytesWritten;
    }
    start = Math.max(end, start + PAGE_BYTES);
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROES.subarray(0, bytes.length));
}

/**
 * Digests of files that many VMs start from: a file is read once, and again when it was replaced or written since. It may be written by
 * the processes that have it mapped, where QEMU cannot open it for reading alone.
 */
export class KnownDigests {
  readonly #known = new Map<string, { readonly mark: string; readonly digest: string }>();
  readonly #turns = new KeyedMutex();
  readonly #findData: DataFinder;

  constructor(findData: DataFinder) {
    this.#findData = findData;
  }

  of(path: string, signal?: AbortSignal): Promise<string> {
    return this.#turns.run(path, async () => {
      const { file, mark } = await markOf(path);
      const known = this.#known.get(file);
      if (known?.mark === mark) return known.digest;
      const digest = await contentDigest(path, this.#findData, { signal });
      this.#known.set(file, { mark, digest });
      return digest;
    });
  }
}

/** The mark changes when the file is written or replaced: the time of its last change of state cannot be set by programs. */
async function markOf(path: string): Promise<{ readonly file: string; readonly mark: string }> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  // Not the path: the folder of a new checkpoint is renamed when its files are complete.
  return { file: `${dev} ${ino}`, mark: [size, mtimeNs, ctimeNs].join(' ') };
}
