import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { growArgv } from '../../src/hostd/guest/grow.ts';
import { locate } from '../../src/hostd/programs.ts';
import { cannotMount } from '../integration/hostd/small-disk.ts';
import { describeUnless, itUnless } from '../skip.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
/** The least that xfs takes, and twice that. */
const SMALL = 320 * MIB;
const LARGE = 640 * MIB;

const SEARCH = `${process.env.PATH}:/usr/sbin:/sbin`;
const NEEDED = [
  'losetup',
  'partx',
  'sfdisk',
  'mkfs.ext4',
  'resize2fs',
  'mkfs.xfs',
  'xfs_growfs',
  'mkfs.btrfs',
  'btrfs',
];
const missing = (
  await Promise.all(NEEDED.map(async (name) => ((await locate(name, SEARCH)) === undefined ? [name] : [])))
).flat();
const why = missing.length > 0 ? `missing programs: ${missing.join(', ')}` : cannotMount;

/** Bit 24 of the capabilities, without which root in a container makes no ext4 larger. */
const mayGrowExt4 = /^CapEff:.*[13579bdf].{6}$/m.test(await readFile('/proc/self/status', 'utf8'));
const noExt4 = mayGrowExt4
  ? undefined
  : 'making ext4 larger needs CAP_SYS_RESOURCE (test/e2e/qemu/grow.test.ts does it in a VM)';

type Table = 'gpt' | 'dos' | 'none';

/** The script that guests run, on this machine's own disks: its kernel, its tools, and a disk that grew under a mounted file system. */
describeUnless(why, 'a file system on a disk that became larger', () => {
  let folder: string;
  let mountPoint: string;
  let loop: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-grow-'));
    mountPoint = join(folder, 'mounted');
    await mkdir(mountPoint);
  });
  afterEach(async () => {
    await run('umount', [mountPoint]).catch(() => undefined);
    // A kernel that did not find the partitions itself would keep them for the loop device's next disk.
    await shell('partx -d "$1"', loop).catch(() => undefined);
    await run('losetup', ['--detach', loop]);
    await rm(folder, { recursive: true, force: true });
  });

  const shell = (script: string, ...values: readonly string[]) =>
    run('/bin/sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; ${script}`, 'test', ...values]);
  const image = () => join(folder, 'disk.img');
  /** A mounted file system in the last partition of a disk that then grows. */
  const grownDisk = async (fs: string, table: Table, partitions = '2048,20480\n22528,+\n') => {
    await writeFile(image(), '');
    await truncate(image(), SMALL + 16 * MIB);
    if (table !== 'none')
      await shell('printf "label: $1\\n$2" | sfdisk --quiet "$3"', table, partitions, image());
    loop = (await run('losetup', ['--find', '--show', image()])).stdout.trim();
    if (table !== 'none') await shell('partx -u "$1"', loop);
    const device = table === 'none' ? loop : `${loop}p2`;
    await shell('mkfs."$1" -q "$2" && mount "$2" "$3"', fs, device, mountPoint);
    await writeFile(join(mountPoint, 'kept'), 'kept');
    await truncate(image(), LARGE);
    await run('losetup', ['--set-capacity', loop]);
  };
  const grow = async () => {
    const [program = '', ...args] = growArgv(mountPoint);
    return (await run(program, args)).stdout.trim();
  };
  const sizeOf = async () => {
    const { blocks, bsize } = await statfs(mountPoint);
    return blocks * bsize;
  };
  const expectGrown = async () => {
    expect(await sizeOf()).toBeGreaterThan(0.85 * LARGE);
    expect(await readFile(join(mountPoint, 'kept'), 'utf8')).toBe('kept');
  };

  for (const fs of ['ext4', 'xfs', 'btrfs'] as const)
    for (const table of ['gpt', 'dos', 'none'] as const)
      itUnless(fs === 'ext4' ? noExt4 : undefined, `grows: ${fs}, partition table ${table}`, async () => {
        await grownDisk(fs, table);
        expect(await sizeOf()).toBeLessThan(LARGE / 1.5);
        expect(await grow()).toBe('');
        await expectGrown();
        const before = await sizeOf();
        expect(await grow()).toBe('');
        expect(await sizeOf()).toBe(before);
        if (table === 'gpt')
          expect((await shell('sfdisk --verify "$1" 2>&1', loop)).stdout).toMatch(/No errors/);
      });

  it.each([
    [
      'after the partition table',
      'printf ",+\\n" | sfdisk --quiet --force --no-reread --no-tell-kernel -N 2 "$1"',
    ],
    [
      'after the partition',
      'printf ",+\\n" | sfdisk --quiet --force --no-reread -N 2 "$1"; partx -u --nr 2 "$1"',
    ],
  ])('goes on when it was killed %s', async (_, done) => {
    await grownDisk('xfs', 'gpt');
    await shell(done, loop);
    expect(await grow()).toBe('');
    await expectGrown();
  });

  it('stays as it is, and says why, when another partition is behind its own', async () => {
    await grownDisk('xfs', 'dos', '640000,20480\n2048,620000\n');
    const before = await sizeOf();
    expect(await grow()).toMatch(/^its partition loop\d+p2 cannot grow, because loop\d+p1 is behind it$/);
    expect(await sizeOf()).toBe(before);
  });

  it('stays as it is, and says why, when it is of another kind', async () => {
    await grownDisk('ext2', 'none');
    await run('umount', [mountPoint]);
    await run('mount', ['-t', 'tmpfs', 'coppice-test', mountPoint]);
    expect(await grow()).toBe('it is tmpfs, and ext4, xfs and btrfs are grown');
  });

  it('stays as it is, with the last words of the tool that fails', async () => {
    await grownDisk('xfs', 'none');
    await run('mount', ['-o', 'remount,ro', mountPoint]);
    expect(await grow()).toMatch(
      /^xfs_growfs failed: xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: Read-only file system$/,
    );
  });
});
