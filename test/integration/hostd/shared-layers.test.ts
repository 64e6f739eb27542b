import { execFile, execFileSync } from 'node:child_process';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describeUnless } from '../../skip.ts';
import { eventually, withDirectory } from './fixtures.ts';
import { unmount, withSharedMounts } from './shared-directories.ts';
import {
  copiesIn,
  hostAt,
  images,
  later,
  noSharing,
  patternOn,
  SHARED,
  seal,
  share,
} from './shared-hosts.ts';

const run = promisify(execFile);
const TAKER = fileURLToPath(new URL('shared-taker.ts', import.meta.url));
const kibibytesOf = (path: string) => Number(execFileSync('du', ['-sk', path]).toString().split('\t')[0]);

describeUnless(noSharing, 'layers in a directory that two hosts reach by mounts of it', () => {
  it('are there once: the second host has them without a byte copied, and disks on them work on both', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const second = await hostAt(join(directory, 'b'), b);
        expect(first.directory.id).toBe(second.directory.id);
        const identity = await seal(first, ['write -P 1 0 8M']);
        await share(first, identity);
        expect(kibibytesOf(first.state)).toBeLessThan(256);
        expect(await second.store.put(identity, SHARED)).toMatchObject({
          state: 'Ready',
          shared: first.directory.id,
        });
        expect(kibibytesOf(second.state)).toBeLessThan(64);
        expect(await copiesIn(exported, identity)).toHaveLength(1);
        for (const host of [first, second]) await patternOn(host, identity, 1, '0 8M');
        second.store.verify(identity, 'now');
        const verified = async () => second.store.get(identity)?.verification?.state;
        await eventually(async () => (await verified()) === 'Sound' || undefined, verified);
        for (const host of [first, second]) await host.close();
      });
    });
  });

  it('go from the directory with the last host that uses them, and what others stand on stays', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const second = await hostAt(join(directory, 'b'), b);
        const identity = await seal(first, ['write -P 1 0 1M']);
        await share(first, identity);
        await share(second, identity);
        await first.store.delete(identity);
        await patternOn(second, identity, 1, '0 1M');
        expect(await second.store.put(identity, SHARED)).toMatchObject({ state: 'Ready' });
        await second.store.delete(identity);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
        await expect(second.store.put(identity, SHARED)).rejects.toMatchObject({ reason: 'NotFound' });
        for (const host of [first, second]) await host.close();
      });
    });
  });

  it('stand on each other whichever of them is shared: a file names what it stands on as it is in each host', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const second = await hostAt(join(directory, 'b'), b);
        const base = await seal(first, ['write -P 1 0 1M']);
        const child = await seal(first, ['write -P 2 64k 64k'], base);
        await share(first, child);
        await expect(second.store.put(child, SHARED)).rejects.toMatchObject({ reason: 'LayerMissing' });
        // The base is not shared: the second host has a copy of its own.
        expect(await seal(second, ['write -P 1 0 1M'])).toBe(base);
        await share(second, child);
        for (const host of [first, second]) {
          await patternOn(host, child, 2, '64k 64k');
          const clone = join(host.state, 'clone');
          await images.createClone(host.store.readyPath(child) ?? '', clone, undefined, {});
          await run('qemu-io', ['-f', 'qcow2', '-c', 'read -P 1 0 64k', '-c', 'read -P 2 64k 64k', clone]);
        }
        await share(first, base);
        await patternOn(first, child, 1, '0 64k');
        await expect(first.store.delete(base)).rejects.toMatchObject({ reason: 'LayerInUse' });
        for (const host of [first, second]) await host.close();
      });
    });
  });

  it('stay while hosts take and release them at once, and none has one whose file is gone', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const first = await hostAt(join(directory, 'a'), a);
        const second = await hostAt(join(directory, 'b'), b);
        const identity = await seal(first, ['write -P 1 0 256k']);
        await share(first, identity);
        let taken = 0;
        for (let round = 0; round < 60; round += 1) {
          const [leaving, coming] = round % 2 === 0 ? [first, second] : [second, first];
          const [, came] = await Promise.all([
            leaving.store.delete(identity),
            later(round % 25, () => coming.store.put(identity, SHARED)).then(
              () => true,
              () => false,
            ),
          ]);
          if (came) {
            taken += 1;
            await stat(coming.store.readyPath(identity) ?? '');
            expect(await copiesIn(exported, identity)).toHaveLength(1);
          } else {
            expect(await copiesIn(exported, identity)).toEqual([]);
            expect(await seal(coming, ['write -P 1 0 256k'])).toBe(identity);
            await share(coming, identity);
          }
        }
        expect(taken).toBeGreaterThan(0);
        for (const host of [first, second]) await host.close();
      });
    });
  });

  it('are there while a process uses them, whatever others take and release meanwhile', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const takers = [a, b, exported].map((path, index) =>
          run(process.execPath, [TAKER, join(directory, `taker-${index}`), path, '300', '3']),
        );
        const ends = await Promise.all(takers);
        const counts = ends.map(({ stdout }) => JSON.parse(stdout) as { taken: number; made: number });
        // Some took what another had made, and some came when it was gone: else nothing was tried.
        const sum = (key: 'taken' | 'made') => counts.reduce((all, count) => all + count[key], 0);
        expect(sum('taken')).toBeGreaterThan(0);
        expect(sum('made')).toBeGreaterThan(2);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
      });
    });
  });

  it('are found by a host whose directory is mounted elsewhere since', async () => {
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const before = await hostAt(join(directory, 'a'), a);
        const identity = await seal(before, ['write -P 1 0 1M']);
        await share(before, identity);
        await before.close();
        unmount(a);
        const after = await hostAt(join(directory, 'a'), b);
        await patternOn(after, identity, 1, '0 1M');
        expect(await readlink(after.store.readyPath(identity) ?? '')).toContain(`${b}/`);
        await after.store.delete(identity);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
        await after.close();
        execFileSync('mount', ['--bind', exported, a]);
      });
    });
  });
});
