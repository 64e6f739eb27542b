import { mkdtemp, rm, stat, statfs, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeBytes } from '../../domain/quantity.ts';
import { createExtract, createImageTool, type Extract } from '../../hostd/drivers/common/images.ts';
import { HostError, toHostError } from '../../hostd/errors/index.ts';
import { digestOf } from '../../hostd/files/digest.ts';
import { judgeCd, looksLikeCd } from '../../hostd/layers/image/cd.ts';
import { type Files, openExt } from '../../hostd/layers/image/ext-files.ts';
import { fileSystemOf } from '../../hostd/layers/image/file-systems.ts';
import { type Judgement, judgeImage } from '../../hostd/layers/image/judge.ts';
import { partitionsOf } from '../../hostd/layers/image/partitions.ts';
import { type System, systemOn } from '../../hostd/layers/image/system.ts';
import { adviceOn, adviceOnCd } from './advice.ts';
import type { DiskFacts, Report, Volume } from './report.ts';

/** Where Debian keeps debugfs; a plain user's PATH lacks it. */
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin';
const HEAD_BYTES = 1024 * 1024;
/** More are listed, but not looked at. */
const MOST_VOLUMES = 32;

/** One inspection: the image by a name that no program takes for anything else, in a folder for what is copied out of it. */
type Look = {
  readonly folder: string;
  readonly image: string;
  readonly format: Judgement['format'];
  readonly extract: Extract;
  readonly searchPath: string;
  readonly signal: AbortSignal;
};

/**
 * Says what a local file is as a template: judged as a host's daemon judges it, and looked into as far as that is possible without
 * mounting it. The file is only read. Rejects when the machine lacks a program, or the file cannot be read.
 */
export async function inspectFile(file: string, path: string, signal: AbortSignal): Promise<Report> {
  const info = await stat(file);
  if (!info.isFile()) throw new Error(`${file} is no file: name the file of a disk image`);
  const folder = await mkdtemp(join(tmpdir(), 'coppice-template-'));
  try {
    const image = join(folder, 'image');
    await symlink(resolve(file), image);
    const about = { file, fileBytes: info.size, sha256: await digestOf(image, signal) };
    const searchPath = `${path}:${SBIN}`;
    if (await looksLikeCd(image)) {
      const cd = await judged(judgeCd(image, file));
      return cd instanceof HostError
        ? refused(about, cd)
        : { ...about, usable: true, cd, notes: [adviceOnCd] };
    }
    const judgement = await judged(judgeImage(image, file, createImageTool({ searchPath }), signal));
    if (judgement instanceof HostError) return refused(about, judgement);
    const extract = createExtract({ searchPath });
    const disk = await factsOf(judgement, {
      folder,
      image,
      format: judgement.format,
      extract,
      searchPath,
      signal,
    });
    const notes = adviceOn(disk);
    return { ...about, usable: notes.every(({ level }) => level !== 'error'), disk, notes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is wrong with the image, or what it is; what is wrong with this machine is thrown. */
async function judged<T>(judgement: Promise<T>): Promise<T | HostError> {
  try {
    return await judgement;
  } catch (error) {
    const problem = toHostError(error);
    if (problem.kind === 'stalled') return problem;
    throw problem;
  }
}

function refused(
  about: Pick<Report, 'file' | 'fileBytes' | 'sha256'>,
  { reason, message }: HostError,
): Report {
  return { ...about, usable: false, notes: [{ level: 'error', reason, message }] };
}

async function factsOf({ format, virtualBytes, firmware }: Judgement, look: Look): Promise<DiskFacts> {
  const images = createImageTool({ searchPath: look.searchPath });
  const head = await images.readStart(look.image, format, look.signal);
  const hasFirstSector = fileSystemOf(head)?.hasFirstSector === true;
  const table = hasFirstSector ? undefined : partitionsOf(head);
  const places: readonly Volume[] = table?.partitions.map(({ number, type, startBytes, endBytes }) => ({
    number,
    type,
    startBytes,
    bytes: wholeSectors(endBytes - startBytes),
  })) ?? [{ startBytes: 0, bytes: wholeSectors(virtualBytes) }];
  const volumes: Volume[] = [];
  for (const [index, place] of places.entries()) {
    volumes.push(index < MOST_VOLUMES ? await withFileSystem(place, look) : place);
  }
  return {
    format,
    virtualBytes,
    ...(table === undefined ? {} : { partitionTable: table.table }),
    volumes,
    firmware,
    ...(await findSystem(volumes, look)),
  };
}

/** A raw image may end anywhere. */
function wholeSectors(bytes: number): number {
  return bytes - (bytes % 512);
}

async function withFileSystem(volume: Volume, look: Look): Promise<Volume> {
  const { folder, image, format, extract, signal } = look;
  const { startBytes } = volume;
  const bytes = Math.min(volume.bytes, HEAD_BYTES);
  if (bytes <= 0) return volume;
  const copy = join(folder, 'head');
  try {
    await extract({ path: image, format }, { startBytes, bytes }, copy, signal);
    const found = fileSystemOf(await createImageTool({ searchPath: '' }).readStart(copy, 'raw', signal));
    return found === undefined ? volume : { ...volume, fileSystem: found.description };
  } finally {
    await rm(copy, { force: true });
  }
}

/** Looks into each file system that can be looked into, and puts together what is found: /usr may be one of its own. */
async function findSystem(
  volumes: readonly Volume[],
  look: Look,
): Promise<Pick<DiskFacts, 'system' | 'notLooked'>> {
  let system: System = {};
  let notLooked: string | undefined;
  for (const volume of volumes.filter(({ fileSystem = '' }) => /\bext[234]\b/.test(fileSystem))) {
    try {
      system = { ...(await withFiles(volume, look, systemOn)), ...system };
    } catch (error) {
      look.signal.throwIfAborted();
      notLooked ??= toHostError(error).message;
    }
  }
  if (system.name !== undefined || system.agent !== undefined) return { system };
  const others = volumes.flatMap(({ fileSystem }) => fileSystem ?? []);
  const reason = `only ext2, ext3 and ext4 can be looked into, and it has ${[...new Set(others)].join(' and ')}`;
  return { ...(others.length === 0 ? {} : { notLooked: notLooked ?? reason }) };
}

/** A raw image is looked into as it is; of another, the part that is looked into is copied. */
async function withFiles<T>(volume: Volume, look: Look, work: (files: Files) => Promise<T>): Promise<T> {
  const { folder, image, format, extract, searchPath, signal } = look;
  const { startBytes, bytes } = volume;
  if (format === 'raw') return await work(await openExt(image, startBytes, searchPath, signal));
  await requireRoom(folder, bytes);
  const copy = join(folder, 'volume');
  try {
    await extract({ path: image, format }, { startBytes, bytes }, copy, signal);
    return await work(await openExt(copy, 0, searchPath, signal));
  } finally {
    await rm(copy, { force: true });
  }
}

async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new Error(
    `to look into it, ${describeBytes(bytes)} must be free in ${tmpdir()}, and ${describeBytes(bavail * bsize)} are: ` +
      'name a folder with more room by TMPDIR',
  );
}
