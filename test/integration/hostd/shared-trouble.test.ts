import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describeUnless } from '../../skip.ts';
import { eventually, withDirectory } from './fixtures.ts';
import { unmount, withSharedMounts } from './shared-directories.ts';
import { copiesIn, hostAt, noSharing, OTHER_ID, patternOn, SHARED, seal, share } from './shared-hosts.ts';

const run = promisify(execFile);

describeUnless(noSharing, 'layers in a shared directory, when something is wrong', () => {
  it('are not used while their directory is not mounted, and again when it is', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const identity = await seal(first, ['write -P 1 0 1M']);
        await share(first, identity);
        unmount(a);
        const look = async () => first.store.get(identity);
        const failed = await eventually(async () => {
          const found = await look();
          return found?.state === 'Failed' ? found : undefined;
        }, look);
        expect(failed.problem?.reason).toBe('SharedDirectoryNotMounted');
        expect(await readdir(a)).toEqual([]);
        await expect(first.store.delete(identity)).resolves.toBeUndefined();
        await first.close();
        // A start finds the same, and makes no directory of the empty mount point.
        const again = await hostAt(join(directory, 'a'), a);
        expect(again.directory.problem?.reason).toBe('SharedDirectoryNotMounted');
        expect(await readdir(a)).toEqual([]);
        execFileSync('mount', ['--bind', exported, a]);
        const gone = async () => await copiesIn(exported, identity);
        await eventually(async () => (await gone()).length === 0 || undefined, gone);
        expect(again.directory.problem).toBeUndefined();
        await again.close();
        const other = await hostAt(join(directory, 'b'), b);
        expect(other.directory.id).toBe(again.directory.id);
        await other.close();
      });
    });
  });

  it('are not taken when their file, their manifest or what the file stands on is another', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const second = await hostAt(join(directory, 'b'), b);
        const damages: readonly ((path: string) => Promise<void>)[] = [
          async (path) =>
            await run('truncate', ['-s', '100', join(path, 'disk.qcow2')]).then(() => undefined),
          async (path) => await writeFile(join(path, 'manifest'), 'another'),
          async (path) =>
            await run('qemu-img', [
              'rebase',
              '-u',
              '-f',
              'qcow2',
              '-F',
              'raw',
              '-b',
              '/etc/shadow',
              join(path, 'disk.qcow2'),
            ]).then(() => undefined),
        ];
        for (const [index, damage] of damages.entries()) {
          const identity = await seal(first, [`write -P ${index + 1} 0 64k`]);
          await share(first, identity);
          const [name = ''] = await copiesIn(exported, identity);
          await damage(join(exported, 'layers', identity, name));
          await expect(second.store.put(identity, SHARED)).rejects.toMatchObject({ reason: 'NotFound' });
        }
        for (const host of [first, second]) await host.close();
      });
    });
  });

  it('have a full disk told, and go on when there is room', async () => {
    await withDirectory(async (directory) => {
      await mkdir(join(directory, 'small'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'coppice-test', join(directory, 'small')]);
      try {
        const host = await hostAt(join(directory, 'a'), join(directory, 'small'));
        const identity = await seal(host, ['write -P 1 0 4M']);
        await host.store.put(identity, SHARED);
        const look = async () => host.store.get(identity);
        const said = await eventually(async () => (await look())?.sharingProblem, look);
        expect(said).toMatchObject({ reason: 'DiskFull' });
        expect(await look()).toMatchObject({ state: 'Ready' });
        execFileSync('mount', ['-o', 'remount,size=32m', join(directory, 'small')]);
        await share(host, identity);
        expect((await look())?.sharingProblem).toBeUndefined();
        await patternOn(host, identity, 1, '0 4M');
        await host.close();
      } finally {
        unmount(join(directory, 'small'));
      }
    });
  });

  it('are released after a crash as far as the host no longer uses them, and kept where its own record cannot be read', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a }) => {
        const before = await hostAt(join(directory, 'a'), a);
        const [gone, unreadable] = [
          await seal(before, ['write -P 1 0 1M']),
          await seal(before, ['write -P 2 0 1M']),
        ];
        for (const identity of [gone, unreadable]) await share(before, identity);
        await before.close();
        const layers = join(directory, 'a', 'layers');
        await rm(join(layers, gone), { recursive: true });
        await writeFile(join(layers, unreadable, 'record.json'), '{');
        const left = join(exported, 'unfinished', before.directory.member, gone);
        await mkdir(left);
        const after = await hostAt(join(directory, 'a'), a);
        expect(after.directory.member).toBe(before.directory.member);
        expect(await readdir(join(exported, 'layers'))).toEqual([unreadable]);
        await stat(join(layers, unreadable, 'disk.qcow2'));
        await expect(stat(left)).rejects.toMatchObject({ code: 'ENOENT' });
        await after.close();
      });
    });
  });

  it('let nobody in whose last host was killed while it removed them, and the next start of any host removes the rest', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const identity = await seal(first, ['write -P 1 0 1M']);
        await share(first, identity);
        await first.close();
        await rm(join(directory, 'a', 'layers', identity), { recursive: true });
        const [name = ''] = await copiesIn(exported, identity);
        await rm(join(exported, 'layers', identity, name, 'hosts'), { recursive: true });
        const second = await hostAt(join(directory, 'b'), b);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
        await mkdir(join(exported, 'layers', identity, name), { recursive: true });
        await expect(second.store.put(identity, SHARED)).rejects.toMatchObject({ reason: 'NotFound' });
        expect(await seal(second, ['write -P 1 0 1M'])).toBe(identity);
        await share(second, identity);
        await patternOn(second, identity, 1, '0 1M');
        await second.store.delete(identity);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
        await second.close();
      });
    });
  });

  it('are said to be missing by a host that is started without the directory, and whose mount is gone', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a }) => {
        const before = await hostAt(join(directory, 'a'), a);
        const identity = await seal(before, ['write -P 1 0 1M']);
        await share(before, identity);
        await before.close();
        unmount(a);
        const after = await hostAt(join(directory, 'a'), undefined);
        expect(after.store.get(identity)?.problem?.reason).toBe('SharedFileMissing');
        await expect(after.store.put(identity, SHARED)).rejects.toMatchObject({
          reason: 'NoSharedDirectory',
        });
        await after.close();
        execFileSync('mount', ['--bind', exported, a]);
      });
    });
  });

  it.each([
    [
      'another one is mounted there',
      'SharedDirectoryOther',
      JSON.stringify({ version: 1, id: OTHER_ID, diskFormat: 'qcow2' }),
    ],
    [
      'its disks are of another format',
      'SharedDirectoryFormat',
      JSON.stringify({ version: 1, id: OTHER_ID, diskFormat: 'raw' }),
    ],
    ['its mark is damaged', 'SharedDirectoryDamaged', '{'],
  ])('cannot be put into a directory while %s, and the host says so', async (_, reason, mark) => {
    await withDirectory(async (directory) => {
      const path = join(directory, 'shared');
      await mkdir(path);
      if (reason === 'SharedDirectoryOther') {
        const before = await hostAt(join(directory, 'a'), path);
        expect(before.directory.problem).toBeUndefined();
        await before.close();
      }
      await writeFile(join(path, 'coppice-shared.json'), mark);
      const host = await hostAt(join(directory, 'a'), path);
      expect(host.directory.problem?.reason).toBe(reason);
      const identity = await seal(host, ['write -P 1 0 64k']);
      await host.store.put(identity, SHARED);
      const look = async () => host.store.get(identity);
      const said = await eventually(async () => (await look())?.sharingProblem, look);
      expect(said.reason).toBe(reason);
      expect(await readdir(join(path, 'layers')).catch(() => [])).toEqual([]);
      await host.close();
    });
  });
});
