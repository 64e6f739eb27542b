import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/base/clock.ts';
import { createImageTool } from '../../../src/hostd/drivers/common/images.ts';
import { SharedDirectory } from '../../../src/hostd/layers/shared/shared-directory.ts';
import type { LayerStore } from '../../../src/hostd/layers/store.ts';
import { locate } from '../../../src/hostd/programs.ts';
import { eventually } from './fixtures.ts';
import { layerStoreIn } from './layer-stores.ts';
import { cannotMount } from './small-disk.ts';

const run = promisify(execFile);
const searchPath = process.env.PATH ?? '';
/** Why two hosts cannot share a directory here. */
export const noSharing =
  (await locate('qemu-io', searchPath)) === undefined ? 'qemu-io is not installed (qemu-utils)' : cannotMount;
export const images = createImageTool({ searchPath });
/** The id of a directory that no test has. */
export const OTHER_ID = '00000000-0000-4000-8000-000000000000';
/** What a daemon is asked for that is to take a layer from its directory, or to put it there. */
export const SHARED = { peers: [], readers: [], shared: true };

interface Host {
  readonly store: LayerStore;
  readonly directory: SharedDirectory;
  readonly state: string;
  close(): Promise<void>;
}

/** The layers of a host, with the directory that it shares, if it has one. */
export async function hostAt(state: string, path: string | undefined): Promise<Host> {
  await mkdir(state, { recursive: true });
  const directory = new SharedDirectory({
    path: path ?? state,
    record: join(state, 'shared.json'),
    hostName: 'a-host',
    diskFormat: 'qcow2',
    clock: systemClock,
    lookMs: 50,
  });
  if (path !== undefined) await directory.open();
  const store = layerStoreIn(state, images, path === undefined ? {} : { shared: directory });
  await store.open();
  if (path !== undefined) directory.start(() => void store.sharedChanged());
  const close = async () => {
    directory.close();
    await store.close();
  };
  return { store, directory, state, close };
}

/** A disk of 16 MiB on which each command of qemu-io was carried out. */
async function aDisk(path: string, commands: readonly string[], backing?: string): Promise<string> {
  const on = backing === undefined ? [] : ['-F', 'qcow2', '-b', backing];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...on, path, '16M']);
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
  return path;
}

/** Makes a layer of a disk on which each command of qemu-io was carried out. */
export async function seal(
  { store, state }: Host,
  commands: readonly string[],
  parent?: string,
): Promise<string> {
  const path = await aDisk(
    join(state, `disk-${randomBytes(4).toString('hex')}`),
    commands,
    parent && store.readyPath(parent),
  );
  const signal = new AbortController().signal;
  const { identity } = await store.sealOn(path, parent, { signal, onProgress: () => undefined });
  await rm(path);
  return identity;
}

/** Has a host put a layer into the directory, and waits until it is there. */
export async function share({ store, directory }: Host, identity: string): Promise<void> {
  const status = await store.put(identity, SHARED);
  if (status.shared !== undefined) return;
  const look = async () => store.get(identity);
  await eventually(async () => (await look())?.shared === directory.id || undefined, look);
}

/** The copies of a layer in a directory. */
export const copiesIn = (exported: string, identity: string) =>
  readdir(join(exported, 'layers', identity)).catch(() => []);

/** Writes to a disk on the layer, and reads there what the layer has: `at` is its place, as qemu-io takes it. */
export async function patternOn(
  { store, state }: Host,
  identity: string,
  pattern: number,
  at: string,
): Promise<void> {
  const overlay = join(state, `overlay-${randomBytes(4).toString('hex')}`);
  await images.createOverlay(store.readyPath(identity) ?? '', overlay, undefined);
  await run('qemu-io', [
    '-f',
    'qcow2',
    '-c',
    'write -P 9 12M 64k',
    '-c',
    `read -P ${pattern} ${at}`,
    overlay,
  ]);
}

/** Begins something a few turns of the event loop later: between two steps of what runs beside it. */
export async function later<T>(turns: number, work: () => Promise<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return await work();
}
