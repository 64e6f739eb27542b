import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { ImageTool } from '../../drivers/driver.ts';
import { codeOf, HostError, hostErrors, messageOf } from '../../errors/index.ts';
import { type FileKind, KIND_BYTES, kindOf } from '../image/formats.ts';
import { takeContainerDisk } from './container-disk.ts';
import { SparseFile } from './sparse-file.ts';
import { takeApplianceDisk } from './virtual-appliance.ts';

export type UnpackRequest = {
  /** The file as its source served it. */
  readonly path: string;
  /** Where the image goes, if it was packed. What is there is replaced. */
  readonly into: string;
  /** Names the file for people. */
  readonly what: string;
  /** It is a layer of a container image, and the image is a file in it. */
  readonly isContainerLayer: boolean;
  readonly images: Pick<ImageTool, 'unpack'>;
  readonly signal: AbortSignal;
  /** Rejects when the disk has no room for more. */
  readonly ensureRoom: () => Promise<unknown>;
  /** It is packed, and is unpacked now. */
  readonly onUnpacking: () => void;
};

const READ_BYTES = 1024 * 1024;

/**
 * Takes the disk image out of what it is packed in: gzip, xz, zstd, bzip2, an OVA, or the layer of a container image. Resolves with
 * the image's path: `path` itself when it is not packed, or in a way that is refused when it is judged. Rejects with `ImageInvalid` when
 * what it is packed in is damaged or was cut off, or what comes out is packed again, and with `DiskFull`; nothing is left then.
 */
export async function unpackImage(request: UnpackRequest): Promise<string> {
  const { path, into, isContainerLayer } = request;
  const kind = await kindAt(path);
  const isPacked = kind.kind === 'packed' && kind.packing !== undefined;
  if (!isPacked && !isContainerLayer) return path;
  request.onUnpacking();
  try {
    await write(request, kind);
    return into;
  } catch (error) {
    await rm(into, { force: true });
    request.signal.throwIfAborted();
    throw error;
  }
}

async function write(request: UnpackRequest, kind: FileKind): Promise<void> {
  const { into, what, ensureRoom } = request;
  const target = await SparseFile.create(into, { ensureRoom });
  try {
    await take(request, kind, target);
    await target.finish();
  } catch (error) {
    // The parser of tar says in plain errors what is wrong with an archive.
    if (error instanceof HostError || codeOf(error) !== undefined || request.signal.aborted) throw error;
    throw hostErrors.packedDamaged(what, outerName(request, kind), messageOf(error));
  } finally {
    await target.close();
  }
  const inner = await kindAt(into);
  if (inner.kind === 'packed') throw hostErrors.imagePackedTwice(what, inner.name, outerName(request, kind));
}

async function take(
  { path, what, isContainerLayer, images, signal }: UnpackRequest,
  kind: FileKind,
  target: SparseFile,
): Promise<void> {
  const content = contentOf(path, kind, what, images, signal);
  if (isContainerLayer) await takeContainerDisk(content, target, what);
  else if (packingOf(kind) === 'tar') await takeApplianceDisk(content, target, what);
  else for await (const chunk of content) await target.write(chunk);
}

/** What is in a file, which may be packed in one of the ways that are not archives. */
export function contentOf(
  path: string,
  kind: FileKind,
  what: string,
  images: Pick<ImageTool, 'unpack'>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const packing = packingOf(kind);
  return packing === undefined || packing === 'tar'
    ? createReadStream(path, { signal, highWaterMark: READ_BYTES })
    : images.unpack(path, packing, what, signal);
}

function outerName({ isContainerLayer }: UnpackRequest, kind: FileKind): string {
  if (isContainerLayer) return 'a containerDisk';
  if (packingOf(kind) === 'tar') return 'a virtual appliance (OVA)';
  return kind.kind === 'packed' ? kind.name : 'an archive';
}

function packingOf(kind: FileKind) {
  return kind.kind === 'packed' ? kind.packing : undefined;
}

/** What a file is, by its first bytes. */
export async function kindAt(path: string): Promise<FileKind> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(KIND_BYTES), 0, KIND_BYTES, 0);
    return kindOf(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
