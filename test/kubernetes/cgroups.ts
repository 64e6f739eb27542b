import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../integration/operator/eventually.ts';
import { kill } from './processes.ts';

const ROOT = '/sys/fs/cgroup';

/** The hierarchies: one with version 2, one for each controller (or several) with version 1. */
async function hierarchies(): Promise<string[]> {
  const entries = await readdir(ROOT, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'cgroup.procs')) return [ROOT];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

/** Makes an empty cgroup of that name below the root, in every hierarchy. */
export async function makeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const group = join(hierarchy, name);
    await mkdir(group, { recursive: true });
    // Version 1 gives a new group no processors and no memory, and then nothing can run in it.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const inherited = await readFile(join(hierarchy, file), 'utf8').catch(() => undefined);
      if (inherited?.trim() && hierarchy !== ROOT) await writeFile(join(group, file), inherited);
    }
  }
}

/** Kills all that runs in it or below, and removes it. */
export async function removeCgroup(name: string): Promise<void> {
  const groups = (await hierarchies()).map((hierarchy) => join(hierarchy, name));
  await eventually(`nothing runs in ${name}`, async () => {
    const pids = (await Promise.all(groups.map(pidsIn))).flat();
    for (const pid of pids) kill(pid);
    if (pids.length > 0) throw new Error(`processes ${pids.join(', ')}`);
  });
  for (const group of groups) await removeTree(group);
}

/** Removes it unless something runs in it: whose that is, they know who started it. */
export async function removeEmptyCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await rmdir(join(hierarchy, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'EBUSY') throw error;
    });
  }
}

async function pidsIn(group: string): Promise<number[]> {
  const below = await foldersIn(group);
  const own = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  return [...own.split('\n').filter(Boolean).map(Number), ...(await Promise.all(below.map(pidsIn))).flat()];
}

async function removeTree(group: string): Promise<void> {
  for (const folder of await foldersIn(group)) await removeTree(folder);
  // The kernel takes a moment to let go of what was killed.
  await eventually(`${group} is gone`, () =>
    rmdir(group).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    }),
  );
}

async function foldersIn(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(group, name));
}
