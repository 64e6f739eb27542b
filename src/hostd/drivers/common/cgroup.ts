import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostErrors } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';

/** The control group of all VMs, below the root. */
const GROUP = 'coppice-vms';

/**
 * Moves a process from the daemon's control group into one of the VMs' own, in every hierarchy below `root` (the host's
 * /sys/fs/cgroup). A container runtime ends a container by killing its control group; what has left it lives on.
 * Idempotent. Rejects with `VMNotApart` when that can not be, and the process is where it was.
 */
export async function keepApart(root: string, pid: number): Promise<void> {
  try {
    for (const hierarchy of await hierarchiesBelow(root)) {
      const group = join(hierarchy, GROUP);
      await makeGroup(hierarchy, group);
      await writeFile(join(group, 'cgroup.procs'), String(pid));
    }
    await leaveScore(pid);
  } catch (error) {
    throw hostErrors.vmNotApart(root, error);
  }
}

/** One with version 2; with version 1 a folder each. https://docs.kernel.org/admin-guide/cgroup-v2.html */
async function hierarchiesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'cgroup.procs')) return [root];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
  if (folders.length === 0) throw new Error('there are no control groups in it');
  return folders;
}

async function makeGroup(hierarchy: string, group: string): Promise<void> {
  await mkdir(group, { recursive: true });
  // Version 1 gives a new group no processors and no memory, and refuses every process until it has some.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = await ifThere(readFile(join(group, file), 'utf8'));
    if (own?.trim() === '') await writeFile(join(group, file), await readFile(join(hierarchy, file), 'utf8'));
  }
}

/** A daemon that is critical to its node is spared when memory is short; each of its VMs is not. */
async function leaveScore(pid: number): Promise<void> {
  const file = `/proc/${pid}/oom_score_adj`;
  if (Number(await readFile(file, 'utf8')) < 0) await writeFile(file, '0');
}
