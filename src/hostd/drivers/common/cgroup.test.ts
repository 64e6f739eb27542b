import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { moveToVmGroup } from './cgroup.ts';

describe('moving a process to the VMs’ control group', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'coppice-cgroup-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const inGroup = (...path: readonly string[]) => readFile(join(root, ...path, 'cgroup.procs'), 'utf8');

  it('uses the one hierarchy of version 2', async () => {
    await writeFile(join(root, 'cgroup.procs'), '');
    await mkdir(join(root, 'system.slice'));
    await moveToVmGroup(root, process.pid);
    expect(await inGroup('coppice-vms')).toBe(String(process.pid));
  });

  it('uses each hierarchy of version 1, and gives the group processors and memory', async () => {
    for (const hierarchy of ['cpu', 'cpuset', 'memory'])
      await mkdir(join(root, hierarchy, 'coppice-vms'), { recursive: true });
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      await writeFile(join(root, 'cpuset', file), '0-1\n');
      await writeFile(join(root, 'cpuset/coppice-vms', file), '\n');
    }
    await moveToVmGroup(root, process.pid);
    for (const hierarchy of ['cpu', 'cpuset', 'memory']) {
      expect(await inGroup(hierarchy, 'coppice-vms')).toBe(String(process.pid));
    }
    expect(await readFile(join(root, 'cpuset/coppice-vms/cpuset.cpus'), 'utf8')).toBe('0-1\n');
  });

  it('is refused in one sentence on a host without control groups', async () => {
    await expect(moveToVmGroup(root, process.pid)).rejects.toMatchObject({
      reason: 'VMNotApart',
      message: expect.stringContaining("give the daemon the host's /sys/fs/cgroup"),
    });
  });
});
