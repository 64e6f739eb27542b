import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { PackageFacts } from '../../../domain/services/types.ts';
import { hostErrors } from '../../errors/index.ts';
import { findInTar, looksLikeTar } from './tar.ts';
import { findInZip, looksLikeZip } from './zip.ts';

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

/** Files that are zips, but that programs run as they are: they are not unpacked. */
const wholeZips = /\.(war|jar|ear|whl|apk)$/i;

/**
 * What a builder has to know about a package. The format is read from its bytes, whatever the file is called. Rejects with
 * `PackageInvalid` when the archive is damaged.
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
    const described = await findDescriptor(file, path, size, format);
    return { kind: 'archive', fileName, sizeBytes: size, format, ...descriptor(described) };
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
    if (bytes >= headBytes) break;
  }
  return looksLikeTar(Buffer.concat(parts));
}

async function findDescriptor(
  file: FileHandle,
  path: string,
  size: number,
  format: Format,
): Promise<Uint8Array | undefined> {
  switch (format) {
    case 'tar':
      return findInTar(createReadStream(path), descriptorName, longestDescriptorBytes);
    case 'tar.gz':
      return findInTar(unpacked(path), descriptorName, longestDescriptorBytes);
    case 'zip':
      return findInZip(file, size, descriptorName, longestDescriptorBytes);
    case 'file':
      return undefined;
  }
}

async function* unpacked(path: string): AsyncGenerator<Buffer, void, undefined> {
  const source = createReadStream(path);
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip);
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
