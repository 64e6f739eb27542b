import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Logger, pino } from 'pino';
import { expect, it } from 'vitest';
import { createImageTool } from '../../../src/hostd/drivers/common/images.ts';
import type { LayerStore } from '../../../src/hostd/layers/store.ts';
import { locate } from '../../../src/hostd/programs.ts';
import { describeUnless, itUnless } from '../../skip.ts';
import { withDirectory } from './fixtures.ts';
import { layerStoreIn } from './layer-stores.ts';
import { cannotMount, withSmallDisk } from './small-disk.ts';

const run = promisify(execFile);
const searchPath = process.env.PATH ?? '';
const noQemuImg =
  (await locate('qemu-io', searchPath)) === undefined ? 'qemu-io is not installed (qemu-utils)' : undefined;
const images = createImageTool({ searchPath });
const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

const SILENT = pino({ level: 'silent' });

function storeIn(
  directory: string,
  holders: () => readonly string[] = () => [],
  log: Logger = SILENT,
): LayerStore {
  return layerStoreIn(directory, images, { holders, log });
}

async function opened(directory: string, holders?: () => readonly string[]): Promise<LayerStore> {
  const store = storeIn(directory, holders);
  await store.open();
  return store;
}

/** A disk of 4 MiB on which each command of qemu-io was carried out. */
async function aDisk(path: string, commands: readonly string[], backing?: string): Promise<string> {
  const on = backing === undefined ? [] : ['-F', 'qcow2', '-b', backing];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...on, path, '4M']);
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
  return path;
}

describeUnless(noQemuImg, 'the layers of a host', () => {
  it('are there whole after a seal, and the file keeps its name until its owner removes it', async () => {
    await withDirectory(async (directory) => {
      const store = await opened(directory);
      const path = await aDisk(join(directory, 'disk'), ['write -P 1 0 64k']);
      const { identity } = await store.seal({ path, kind: 'disk' }, { bootable: true });
      expect((await stat(path)).mode & 0o777).toBe(0o444);
      expect(await store.seal({ path, kind: 'disk' }, { bootable: true })).toMatchObject({ identity });
      const folder = join(directory, 'layers', identity);
      expect((await readdir(folder)).toSorted()).toEqual(['disk.qcow2', 'manifest', 'record.json']);
      expect((await opened(directory)).list()).toEqual(store.list());
    });
  });

  it('are not there when the daemon was killed in the middle of a seal, and a next seal makes them', async () => {
    await withDirectory(async (directory) => {
      const path = await aDisk(join(directory, 'disk'), ['write -P 1 0 64k']);
      const { identity } = await (await opened(join(directory, 'other'))).seal({ path, kind: 'disk' }, {});
      const partial = join(directory, 'layers', `${identity}.partial`);
      await mkdir(partial, { recursive: true });
      await writeFile(join(partial, 'disk.qcow2'), 'half of it');
      const store = await opened(directory);
      expect({ list: store.list(), left: await readdir(join(directory, 'layers')) }).toEqual({
        list: [],
        left: [],
      });
      await mkdir(partial, { recursive: true });
      await writeFile(join(partial, 'disk.qcow2'), 'half of it');
      expect(await store.seal({ path, kind: 'disk' }, {})).toMatchObject({ identity });
      expect(await readdir(join(directory, 'layers'))).toEqual([identity]);
    });
  });

  it('stand on each other: a parent is held by its child, whose name follows from both', async () => {
    await withDirectory(async (directory) => {
      const store = await opened(directory);
      const base = await aDisk(join(directory, 'base'), ['write -P 1 0 128k']);
      const parent = await store.seal({ path: base, kind: 'disk' }, {});
      const overlay = await aDisk(
        join(directory, 'overlay'),
        ['write -P 2 64k 64k'],
        store.readyPath(parent.identity),
      );
      const file = { path: overlay, kind: 'disk' } as const;
      const lineage = await store.lineage(parent.identity);
      const child = await store.seal({ ...file, parent: { identity: parent.identity, lineage } }, {});
      expect(store.get(child.identity)).toMatchObject({ parent: parent.identity, state: 'Ready' });
      await expect(store.delete(parent.identity)).rejects.toMatchObject({
        reason: 'LayerInUse',
        message: expect.stringContaining(child.identity),
      });
      const seen = await store.lineage(child.identity);
      expect([0, 1, 2].map((index) => seen.ownerAt(index))).toEqual([1, 0, undefined]);
      await rm(join(directory, 'layers', parent.identity), { recursive: true });
      const orphaned = await opened(directory);
      expect(orphaned.has(child.identity), 'without its parent it is of no use').toBe(false);
      expect(orphaned.get(child.identity)).toMatchObject({ problem: { reason: 'LayerMissing' } });
      await store.delete(child.identity);
      await store.delete(parent.identity);
      expect(await readdir(join(directory, 'layers'))).toEqual([]);
    });
  });

  it('that were changed on the disk are found by their content, a child’s with its parent’s', async () => {
    await withDirectory(async (directory) => {
      const store = await opened(directory);
      const base = await aDisk(join(directory, 'base'), ['write -P 1 0 128k']);
      const parent = await store.seal({ path: base, kind: 'disk' }, {});
      const overlay = await aDisk(
        join(directory, 'overlay'),
        ['write -P 2 64k 64k'],
        store.readyPath(parent.identity),
      );
      const below = { identity: parent.identity, lineage: await store.lineage(parent.identity) };
      const { identity } = await store.seal({ path: overlay, kind: 'disk', parent: below }, {});
      const path = store.readyPath(identity) ?? '';
      await utimes(path, new Date(0), new Date(0));
      expect((await opened(directory)).get(identity)?.state).toBe('Ready');
      await chmod(path, 0o644);
      await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 64k 64k', path]);
      const after = await opened(directory);
      expect(after.get(identity)).toMatchObject({ state: 'Failed', problem: { reason: 'LayerCorrupt' } });
      expect(after.has(parent.identity)).toBe(true);
    });
  });

  it('take little more room than what they hold, whatever else is in their files', async () => {
    await withDirectory(async (directory) => {
      const store = await opened(directory);
      const base = await aDisk(join(directory, 'base'), ['write -P 1 0 128k']);
      const parent = await store.seal({ path: base, kind: 'disk' }, {});
      const below = store.readyPath(parent.identity);
      const commands = ['write -P 2 1M 1M', 'write -P 0 1M 32k'];
      const path = await aDisk(join(directory, 'overlay'), commands, below);
      await run('cp', ['--sparse=never', path, `${path}.before`]);
      // As after a daemon that was killed when the file was read-only already.
      await chmod(path, 0o444);
      const options = { signal: new AbortController().signal, onProgress: () => undefined };
      const { identity } = await store.sealOn(path, parent.identity, options);
      const file = store.readyPath(identity) ?? '';
      const taken = async (of: string) => (await stat(of)).blocks * 512;
      expect(await taken(`${path}.before`)).toBeGreaterThan(1.25 * MIB);
      expect(await taken(file)).toBeLessThanOrEqual(1.05 * MIB - 32 * 1024);
      expect((await stat(file)).size, 'it has holes').toBeGreaterThan(await taken(file));
      expect(store.get(identity)?.storedBytes).toBe(await taken(file));
      await run('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', file, `${path}.before`]);
      await run('qemu-img', ['check', '-q', '-f', 'qcow2', file]);
      expect((await opened(directory)).get(identity)).toMatchObject({
        state: 'Ready',
        storedBytes: await taken(file),
      });
    });
  });

  itUnless(cannotMount, 'are as good where files have no holes, and the log says so once', async () => {
    await withDirectory(async (directory) => {
      const inMemory = async (mount: string) => {
        const said: { msg: string; problem: string }[] = [];
        const log = pino({ level: 'warn' }, { write: (line) => void said.push(JSON.parse(line)) });
        const store = storeIn(mount, undefined, log);
        await store.open();
        for (const pattern of [1, 2]) {
          const path = await aDisk(join(mount, `disk-${pattern}`), [`write -P ${pattern} 0 64k`]);
          const { identity } = await store.seal({ path, kind: 'disk' }, {});
          expect(store.get(identity)?.state).toBe('Ready');
        }
        expect(said).toEqual([
          expect.objectContaining({
            msg: 'zeroes in the files of layers take room here: they cannot be made holes',
            problem: expect.stringContaining('fallocate'),
          }),
        ]);
      };
      await withSmallDisk(directory, MIB, inMemory, 'ramfs');
    });
  });

  it('may be read by the hosts that were named last, and nobody else', async () => {
    await withDirectory(async (directory) => {
      const store = await opened(directory);
      const path = await aDisk(join(directory, 'disk'), ['write -P 1 0 64k']);
      const { identity } = await store.seal({ path, kind: 'disk' }, {});
      expect(store.mayRead(identity, 'b')).toBe(false);
      await store.put(identity, { peers: [], readers: ['a', 'b'] });
      await store.put(identity, { peers: [], readers: ['b'] });
      expect(['a', 'b'].map((host) => store.mayRead(identity, host))).toEqual([false, true]);
      expect(store.mayRead('f'.repeat(64), 'b')).toBe(false);
      await store.delete(identity);
      expect(store.mayRead(identity, 'b')).toBe(false);
      const granting = store.put(identity, { peers: [], readers: ['b'] });
      await expect(granting).rejects.toMatchObject({ status: 404 });
      expect(store.list()).toEqual([]);
    });
  });

  it('that nobody asked for in a day leave nothing of their transfer', async () => {
    await withDirectory(async (directory) => {
      const [old, young] = ['a', 'b'].map((digit) => join(directory, 'receiving', digit.repeat(64))) as [
        string,
        string,
      ];
      for (const path of [old, young]) await mkdir(path, { recursive: true });
      const then = new Date(Date.now() - 2 * DAY_MS);
      await utimes(old, then, then);
      await opened(directory);
      expect(await readdir(join(directory, 'receiving'))).toEqual(['b'.repeat(64)]);
    });
  });
});
