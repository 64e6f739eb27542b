import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepApart } from './cgroup.ts';

describe('a control group of the VMs’ own', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'coppice-cgroup-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const inGroup = (...path: readonly string[]) => readFile(join(root, ...path, 'cgroup.procs'), 'utf8');

  it('is one, with version 2', async () => {
    await writeFile(join(root, 'cgroup.procs'), '');
    await mkdir(join(root, 'system.slice'));
    await keepApart(root, process.pid);
    expect(await inGroup('coppice-vms')).toBe(String(process.pid));
  });

  it('is one in each hierarchy, with version 1, and has processors and memory', async () => {
    for (const hierarchy of ['cpu', 'cpuset', 'memory'])
      await mkdir(join(root, hierarchy, 'coppice-vms'), { recursive: true });
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      await writeFile(join(root, 'cpuset', file), '0-1\n');
      await writeFile(join(root, 'cpuset/coppice-vms', file), '\n');
    }
    await keepApart(root, process.pid);
    for (const hierarchy of ['cpu', 'cpuset', 'memory']) {
      expect(await inGroup(hierarchy, 'coppice-vms')).toBe(String(process.pid));
    }
    expect(await readFile(join(root, 'cpuset/coppice-vms/cpuset.cpus'), 'utf8')).toBe('0-1\n');
  });

  it('is refused in one sentence where there are none', async () => {
    await expect(keepApart(root, process.pid)).rejects.toMatchObject({
      reason: 'VMNotApart',
      message: expect.stringContaining("give the daemon the host's /sys/fs/cgroup"),
    });
  });
});
