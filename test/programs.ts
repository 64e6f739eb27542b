import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleIntoFile } from '../scripts/build/bundle.ts';
import { makeRelease, PROGRAM } from '../scripts/build/release.ts';
import { tryFileLock } from '../src/hostd/files/file-lock.ts';

const repository = resolve(import.meta.dirname, '..');
/** Builds of earlier sources go when the next is made, if they are older: another run may still use a younger one. */
const KEPT_MS = 24 * 3600 * 1000;
const POLL_MS = 100;
/** What a release is made of. */
const SOURCES = [
  ...['src', 'controllers', 'bin', 'crds', 'examples', 'scripts/build', 'scripts/guest'],
  ...['package.json', 'package-lock.json'],
];

/**
 * The command line, as a release has it: one program, which starts with a quarter of the processor time that its sources take. Suites
 * start it hundreds of times.
 */
export async function coppiceProgram(): Promise<string> {
  return join(await built('release', SOURCES, (folder) => makeRelease(repository, folder)), PROGRAM);
}

/** A program of the tests as one file, for those that are started again and again. @param module its first module */
export async function bundled(module: URL): Promise<string> {
  const source = fileURLToPath(module);
  const name = relative(repository, source).replaceAll(/[^a-z0-9]+/gi, '-');
  const folder = await built(name, [...SOURCES, 'test'], (into) =>
    bundleIntoFile(source, join(into, 'program.js')),
  );
  return join(folder, 'program.js');
}

/** The folder of what `make` makes of the sources; made once, whoever asks, and never half. */
async function built(
  name: string,
  sources: readonly string[],
  make: (folder: string) => Promise<unknown>,
): Promise<string> {
  const builds = join(repository, '.coppice/test-programs', name);
  const folder = join(builds, await fingerprint(sources));
  if (await exists(folder)) return folder;
  const lock = await lockOf(`${builds}.lock`);
  try {
    if (!(await exists(folder))) {
      await removeOld(builds);
      await make(`${folder}.new`);
      await rename(`${folder}.new`, folder);
    }
  } finally {
    await lock.release();
  }
  return folder;
}

async function lockOf(path: string) {
  for (;;) {
    const lock = await tryFileLock(path);
    if (lock !== undefined) return lock;
    await delay(POLL_MS);
  }
}

async function removeOld(builds: string): Promise<void> {
  await mkdir(builds, { recursive: true });
  for (const name of await readdir(builds)) {
    const folder = join(builds, name);
    if (Date.now() - (await stat(folder)).mtimeMs > KEPT_MS) await rm(folder, { recursive: true });
  }
}

/** Of all files of the sources, by name, size and time: to read them would take longer than it saves. */
async function fingerprint(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const files = (await Promise.all(sources.map(filesIn))).flat().sort();
  for (const file of files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

async function filesIn(source: string): Promise<string[]> {
  const path = join(repository, source);
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
