import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleIntoFile } from '../../scripts/build/bundle.ts';
import { NODE_FLAGS } from '../../src/main/node-flags.ts';
import type { Dom0 } from './dom0.ts';
import { repository } from './image.ts';
import { machineFiles } from './machine.ts';

/** Node's compile cache in dom0. It is kept on this machine, so that a new dom0 does not compile again. */
const COMPILED = '/root/.cache/coppice/compiled';

const made = new Map<string, Promise<string>>();

/**
 * Puts a program of this repository into dom0 as one file, in the state of the checkout at the first call. An emulated Node takes ten
 * seconds to find and link six hundred modules, but two to load one. Resolves with the command that runs it there.
 *
 * @param entry path from the repository's root
 */
export async function provideProgram(dom0: Dom0, entry: string): Promise<readonly string[]> {
  const name = `${entry.replaceAll('/', '-')}.mjs`;
  const bundled = made.get(entry) ?? bundle(entry);
  made.set(entry, bundled);
  await writeFile(join(dom0.folder, machineFiles.share, name), await bundled);
  return ['/usr/bin/env', `NODE_COMPILE_CACHE=${COMPILED}`, 'node', NODE_FLAGS, `/share/${name}`];
}

async function bundle(entry: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coppice-bundle-'));
  try {
    const file = join(folder, 'program.mjs');
    await bundleIntoFile(join(repository, entry), file);
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
