import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostErrors } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';

/** Name of the control group of all VMs, directly below the root. */
const GROUP = 'coppice-vms';

/**
 * Moves a process from the daemon's control group into the VMs' control group, in every hierarchy below `root` (the host's
 * /sys/fs/cgroup). A container runtime ends a container by killing its control group; a process that has left the group survives.
 * Idempotent. Rejects with `VMNotApart` when the process cannot be moved.
 */
export async function moveToVmGroup(root: string, pid: number): Promise<void> {
  try {
    for (const hierarchy of await hierarchiesBelow(root)) {
      const group = join(hierarchy, GROUP);
      await makeGroup(hierarchy, group);
      await writeFile(join(group, 'cgroup.procs'), String(pid));
    }
    await resetScore(pid);
  } catch (error) {
    throw hostErrors.vmNotInOwnGroup(root, error);
  }
}

/** Version 2 has one hierarchy; version 1 has several, one folder each. https://docs.kernel.org/admin-guide/cgroup-v2.html */
async function hierarchiesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'cgroup.procs')) return [root];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
  if (folders.length === 0) throw new Error('there are no control groups in it');
  return folders;
}

async function makeGroup(hierarchy: string, group: string): Promise<void> {
  await mkdir(group, { recursive: true });
  // In version 1 a new group has no processors and no memory, and accepts no process until it has both.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = await ifThere(readFile(join(group, file), 'utf8'));
    if (own?.trim() === '') await writeFile(join(group, file), await readFile(join(hierarchy, file), 'utf8'));
  }
}

/** A daemon that is critical to its node is protected from the out-of-memory killer. Its VMs inherit that, and must not keep it. */
async function resetScore(pid: number): Promise<void> {
  const file = `/proc/${pid}/oom_score_adj`;
  if (Number(await readFile(file, 'utf8')) < 0) await writeFile(file, '0');
}
