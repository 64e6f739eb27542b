import { lstat, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { codeOf, type HostError, hostErrors } from '../../errors/index.ts';
import { locate, type ProgramResult, runProgram } from '../../programs.ts';
import type { ImageTool } from '../driver.ts';

type ImageToolConfig = { readonly imageBinary?: string; readonly searchPath: string };

/**
 * Runs qemu-img. Resolves with its result when its exit code is one of `good`, else rejects with its output. `subject` is the file
 * that the error names.
 */
type QemuImg = (
  argv: readonly string[],
  subject: string,
  options?: { readonly signal?: AbortSignal | undefined; readonly good?: readonly number[] },
) => Promise<ProgramResult>;

/** How many lines of qemu-img's output an error quotes: a damaged image has one for each cluster. */
const quotedLines = 5;

/** Disk images by qemu-img. All paths are made absolute, because a relative backing file breaks when a folder moves. */
export function createImageTool({ imageBinary = 'qemu-img', searchPath }: ImageToolConfig): ImageTool {
  const qemuImg: QemuImg = async (argv, subject, { signal, good = [0] } = {}) => {
    const program = await locate(imageBinary, searchPath);
    if (program === undefined) throw hostErrors.hypervisorMissing(imageBinary);
    const result = await runProgram(program, argv, signal === undefined ? {} : { signal });
    if (result.exitCode !== undefined && good.includes(result.exitCode)) return result;
    if (result.exitCode === undefined) throw hostErrors.imageToolEnded(subject);
    throw imageError(subject, result.stderr.trim() || `qemu-img ended with exit code ${result.exitCode}`);
  };
  return {
    inspect: (path) => inspect(qemuImg, resolve(path)),
    convert: async (source, target, signal) => {
      await refuseExisting(resolve(target));
      await requireSound(qemuImg, resolve(source), signal);
      await copy(qemuImg, resolve(source), resolve(target), undefined, signal);
    },
    createOverlay: (layer, target, sizeBytes) =>
      createOverlay(qemuImg, resolve(layer), resolve(target), sizeBytes),
    createClone: (layer, target, sizeBytes, signal) =>
      copy(qemuImg, resolve(layer), resolve(target), sizeBytes, signal),
  };
}

/** With -U (force share), because the image of a running VM is locked. */
async function inspect(qemuImg: QemuImg, path: string): ReturnType<ImageTool['inspect']> {
  const { stdout } = await qemuImg(['info', '-U', '--output=json', path], path);
  const info: unknown = JSON.parse(stdout);
  if (!isRecord(info)) throw hostErrors.imageInvalid(path, 'qemu-img shows nothing about it');
  const { format, 'virtual-size': size } = info;
  if (typeof format !== 'string' || typeof size !== 'number') {
    throw hostErrors.imageInvalid(path, 'qemu-img shows no format or size');
  }
  return { format, virtualBytes: size, references: referencesOf(info) };
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
const soundCodes = [0, 3, 63];

/** Rejects a truncated image, because QEMU would silently read the missing part as zeroes. */
async function requireSound(qemuImg: QemuImg, path: string, signal: AbortSignal | undefined): Promise<void> {
  const { format } = await inspect(qemuImg, path);
  await qemuImg(['check', '-q', '-U', '-f', format, path], path, { signal, good: soundCodes });
}

async function copy(
  qemuImg: QemuImg,
  source: string,
  target: string,
  sizeBytes: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  await refuseExisting(target);
  try {
    const { format, virtualBytes } = await inspect(qemuImg, source);
    await qemuImg(['convert', '-U', '-f', format, '-O', 'qcow2', source, target], target, { signal });
    if (sizeBytes !== undefined && sizeBytes > virtualBytes) {
      await qemuImg(['resize', '-q', '-f', 'qcow2', target, String(sizeBytes)], target, { signal });
    }
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

async function createOverlay(
  qemuImg: QemuImg,
  layer: string,
  target: string,
  sizeBytes: number | undefined,
): Promise<void> {
  await refuseExisting(target);
  const grown = sizeBytes !== undefined && sizeBytes > (await inspect(qemuImg, layer)).virtualBytes;
  const size = grown ? [String(sizeBytes)] : [];
  try {
    await qemuImg(['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layer, target, ...size], target);
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

function imageError(subject: string, output: string): HostError {
  return /no space left on device|disk quota exceeded/i.test(output)
    ? hostErrors.diskFull(subject, new Error(output))
    : hostErrors.imageInvalid(subject, output.split('\n').slice(0, quotedLines).join('\n'));
}
