import { lstat, open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { codeOf, hostErrors } from '../../errors/index.ts';
import { PARTIAL_SUFFIX } from '../../files/durable-files.ts';
import type { CopyLimits, ImageFormat, ImageTool } from '../driver.ts';
import { digHoles } from './dig-holes.ts';
import { createQemuImg, type QemuImg, type QemuImgConfig, quoted } from './qemu-img.ts';
import { createSeed } from './seed.ts';
import { createUnpack } from './unpack.ts';

/**
 * Disk images by qemu-img, which is given every format and guesses none. All paths are made absolute, because a relative backing file
 * breaks when a folder moves, and because qemu-img takes what stands before a colon for a protocol.
 */
export function createImageTool(config: QemuImgConfig): ImageTool {
  const qemuImg = createQemuImg(config);
  return {
    inspect: (path, format, signal) => inspect(qemuImg, resolve(path), format, signal),
    damageOf: (path, format, signal) => damageOf(qemuImg, resolve(path), format, signal),
    readStart: (path, format, signal) => readStart(qemuImg, resolve(path), format, signal),
    diskFormat: 'qcow2',
    convert: (source, format, target, limits) =>
      copy(qemuImg, { source: resolve(source), format, target: resolve(target), ...limits }),
    createOverlay: (layer, target, sizeBytes, signal) =>
      createOverlay(qemuImg, resolve(layer), resolve(target), sizeBytes, signal),
    createEmpty: (target, sizeBytes, signal) => createEmpty(qemuImg, resolve(target), sizeBytes, signal),
    grow: (path, sizeBytes, signal) => grow(qemuImg, resolve(path), sizeBytes, signal),
    createClone: (layer, target, sizeBytes, limits) =>
      copy(qemuImg, {
        source: resolve(layer),
        format: 'qcow2',
        target: resolve(target),
        sizeBytes,
        ...limits,
      }),
    digHoles: (path, signal) => digHoles(config, resolve(path), signal),
    createSeed: (folder, target, signal) => createSeed(config, resolve(folder), resolve(target), signal),
    unpack: createUnpack(config),
  };
}

/** A part of an image's disk, in bytes; both are multiples of 512. */
export type Range = { readonly startBytes: number; readonly bytes: number };

/** Copies a part of an image's disk, as a guest sees it, to a raw file: zeroes take no space there. `target` must not exist. */
export type Extract = (
  image: { readonly path: string; readonly format: ImageFormat },
  range: Range,
  target: string,
  signal?: AbortSignal,
) => Promise<void>;

export function createExtract(config: QemuImgConfig): Extract {
  const qemuImg = createQemuImg(config);
  return async ({ path, format }, { startBytes, bytes }, target, signal) => {
    await refuseExisting(target);
    const file = { driver: format, file: { driver: 'file', filename: resolve(path), locking: 'off' } };
    const part = `json:${JSON.stringify({ driver: 'raw', offset: startBytes, size: bytes, file })}`;
    const argv = ['convert', '-O', 'raw', part, resolve(target)];
    await qemuImg(argv, path, { signal, reads: path, roomBytes: bytes });
  };
}

/** With -U (force share), because the image of a running VM is locked. */
async function inspect(
  qemuImg: QemuImg,
  path: string,
  format: ImageFormat,
  signal: AbortSignal | undefined,
): ReturnType<ImageTool['inspect']> {
  const { stdout } = await qemuImg(['info', '-U', '-f', format, '--output=json', path], path, { signal });
  const info: unknown = JSON.parse(stdout);
  if (!isRecord(info) || typeof info['virtual-size'] !== 'number') {
    throw hostErrors.imageInvalid(path, 'qemu-img shows no size of it');
  }
  return { virtualBytes: info['virtual-size'], references: referencesOf(info) };
}

/** Names of other files that are read together with the image: backing file, external data file, extents. */
function referencesOf(info: Readonly<Record<string, unknown>>): readonly string[] {
  const specific = isRecord(info['format-specific']) ? info['format-specific'].data : undefined;
  const dataFile = isRecord(specific) ? specific['data-file'] : undefined;
  const extents = isRecord(specific) && Array.isArray(specific.extents) ? specific.extents : [];
  const names = [
    info['backing-filename'],
    info['full-backing-filename'],
    dataFile,
    // The extents of a VMDK are separate files.
    ...extents.map((extent) => (isRecord(extent) ? extent.filename : undefined)),
  ];
  const own = typeof info.filename === 'string' ? info.filename : undefined;
  return [
    ...new Set(
      names.filter((name): name is string => typeof name === 'string' && name !== '' && name !== own),
    ),
  ];
}

/** Exit codes of `qemu-img check`: sound; sound, but with leaked clusters; a format that has no checks. */
const SOUND = [0, 3, 63];
/** It cannot be opened, or checked; it is corrupt. */
const UNSOUND = [1, 2];

/** QEMU would silently read the missing part of a truncated image as zeroes. */
async function damageOf(
  qemuImg: QemuImg,
  path: string,
  format: ImageFormat,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const good = [...SOUND, ...UNSOUND];
  const result = await qemuImg(['check', '-q', '-U', '-f', format, path], path, {
    signal,
    good,
    reads: path,
  });
  return SOUND.includes(result.exitCode ?? -1) ? undefined : quoted(result);
}

const START_BYTES = 1024 * 1024;

async function readStart(
  qemuImg: QemuImg,
  path: string,
  format: ImageFormat,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (format === 'raw') return readFirst(path);
  const start = `${path}.start${PARTIAL_SUFFIX}`;
  try {
    await rm(start, { force: true });
    const what = ['-O', 'raw', `bs=${START_BYTES}`, 'count=1', `if=${path}`, `of=${start}`];
    await qemuImg(['dd', '-U', '-f', format, ...what], path, { signal });
    return await readFirst(start);
  } finally {
    await rm(start, { force: true });
  }
}

async function readFirst(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

type Copy = CopyLimits & {
  readonly source: string;
  readonly format: ImageFormat;
  readonly target: string;
  readonly sizeBytes?: number | undefined;
};

async function copy(
  qemuImg: QemuImg,
  { source, format, target, sizeBytes, signal, roomBytes }: Copy,
): Promise<void> {
  await refuseExisting(target);
  try {
    await qemuImg(['convert', '-U', '-f', format, '-O', 'qcow2', source, target], target, {
      signal,
      roomBytes,
      reads: source,
    });
    if (sizeBytes !== undefined) await grow(qemuImg, target, sizeBytes, signal);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

async function grow(
  qemuImg: QemuImg,
  path: string,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { virtualBytes } = await inspect(qemuImg, path, 'qcow2', signal);
  if (sizeBytes <= virtualBytes) return;
  await qemuImg(['resize', '-q', '-f', 'qcow2', path, String(sizeBytes)], path, { signal });
}

async function createOverlay(
  qemuImg: QemuImg,
  layer: string,
  target: string,
  sizeBytes: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  await refuseExisting(target);
  const grown =
    sizeBytes !== undefined && sizeBytes > (await inspect(qemuImg, layer, 'qcow2', signal)).virtualBytes;
  const size = grown ? [String(sizeBytes)] : [];
  await create(qemuImg, ['-F', 'qcow2', '-b', layer, target, ...size], target, signal);
}

async function createEmpty(
  qemuImg: QemuImg,
  target: string,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await refuseExisting(target);
  await create(qemuImg, [target, String(sizeBytes)], target, signal);
}

async function create(
  qemuImg: QemuImg,
  argv: readonly string[],
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await qemuImg(['create', '-q', '-f', 'qcow2', ...argv], target, { signal });
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

/** qemu-img would overwrite the target, even while a VM runs on it. */
async function refuseExisting(target: string): Promise<void> {
  try {
    await lstat(target);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  throw hostErrors.fileExists(target);
}
