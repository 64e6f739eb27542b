import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { PackageFacts } from '../../../domain/services/types.ts';
import { codeOf, hostErrors } from '../../errors/index.ts';
import { looksLikeTar, type Survey, surveyTar } from './tar.ts';
import { looksLikeZip, surveyZip } from './zip.ts';

/** The content of a service's package, as the host holds it. */
export type PackageContent =
  | { readonly kind: 'none' }
  | { readonly kind: 'archive'; readonly path: string; readonly fileName: string }
  | { readonly kind: 'files'; readonly files: Readonly<Record<string, Uint8Array>> };

type ArchiveFacts = Extract<PackageFacts, { kind: 'archive' }>;
type Format = ArchiveFacts['format'];

/** A package's own description of its service (SO-MVDS section 5), at its top. */
const descriptorName = 'service.json';
const longestDescriptorBytes = 1024 * 1024;

/** Enough for a tar's first header, gzipped or not. */
const headBytes = 4096;

/** A tar of nothing is zeroes, a block of its own writer's size. */
const longestEmptyTarBytes = 64 * 1024;

/** Files that are zips, but that programs run as they are: they are not unpacked. */
const wholeZips = /\.(war|jar|ear|whl|apk)$/i;

/**
 * What a builder has to know about a package. The format is read from its bytes, whatever the file is called. Rejects with
 * `PackageInvalid` when the archive is damaged, cut off, empty, or cannot be installed.
 */
export async function describePackage(content: PackageContent): Promise<PackageFacts> {
  switch (content.kind) {
    case 'none':
      return { kind: 'none' };
    case 'files': {
      const files = Object.entries(content.files).map(([name, { length }]) => ({ name, sizeBytes: length }));
      const described = content.files[descriptorName];
      return { kind: 'files', files, ...descriptor(described) };
    }
    case 'archive':
      return describeArchive(content.path, content.fileName);
  }
}

async function describeArchive(path: string, fileName: string): Promise<ArchiveFacts> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const format = await formatOf(file, path, size, fileName);
    if (format === 'file') return { kind: 'archive', fileName, sizeBytes: size, format };
    const { unpackedBytes, found } = await survey(file, path, size, format);
    return { kind: 'archive', fileName, sizeBytes: size, format, unpackedBytes, ...descriptor(found) };
  } catch (error) {
    // The host could not read the file (its disk fails, too many files are open): the package may be valid.
    if (error instanceof Error && 'syscall' in error) throw error;
    throw hostErrors.packageInvalid(fileName, error);
  } finally {
    await file.close();
  }
}

async function formatOf(file: FileHandle, path: string, size: number, fileName: string): Promise<Format> {
  const head = Buffer.alloc(Math.min(headBytes, size));
  await file.read(head, 0, head.length, 0);
  if (looksLikeTar(head)) return 'tar';
  if (size <= longestEmptyTarBytes && isEmptyTar(await readWhole(file, size))) return 'tar';
  if (looksLikeZip(head)) return wholeZips.test(fileName) ? 'file' : 'zip';
  if (head[0] !== 0x1f || head[1] !== 0x8b) return 'file';
  return (await holdsTar(path)) ? 'tar.gz' : 'file';
}

async function holdsTar(path: string): Promise<boolean> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of unpacked(path)) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > longestEmptyTarBytes) break;
  }
  const head = Buffer.concat(parts);
  return looksLikeTar(head) || isEmptyTar(head);
}

/** Two blocks of zeroes end a tar, and most writers fill up to a larger one. */
function isEmptyTar(bytes: Buffer): boolean {
  const { length } = bytes;
  const isBlocks = length >= 1024 && length <= longestEmptyTarBytes && length % 512 === 0;
  return isBlocks && bytes.every((byte) => byte === 0);
}

async function readWhole(file: FileHandle, size: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

async function survey(
  file: FileHandle,
  path: string,
  size: number,
  format: Exclude<Format, 'file'>,
): Promise<Survey> {
  switch (format) {
    case 'tar':
      return surveyTar(createReadStream(path), descriptorName, longestDescriptorBytes);
    case 'tar.gz':
      return surveyTar(unpacked(path), descriptorName, longestDescriptorBytes);
    case 'zip':
      return surveyZip(file, size, descriptorName, longestDescriptorBytes);
  }
}

async function* unpacked(path: string): AsyncGenerator<Buffer, void, undefined> {
  const source = createReadStream(path);
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip);
  } catch (error) {
    throw codeOf(error) === 'Z_BUF_ERROR' ? new Error('it was cut off') : error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** Text that is not JSON is passed on unchanged: the builder reports what is wrong with it. */
function descriptor(bytes: Uint8Array | undefined): { descriptor?: unknown } {
  if (bytes === undefined) return {};
  const text = Buffer.from(bytes).toString();
  try {
    return { descriptor: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { descriptor: text };
    throw error;
  }
}
