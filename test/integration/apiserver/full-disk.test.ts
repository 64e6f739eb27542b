import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { KubeObject } from '../../../src/apiserver/types.ts';
import { describeUnless } from '../../skip.ts';
import { cannotMount, fill, withSmallDisk } from '../hostd/small-disk.ts';
import {
  Caller,
  CONFIG_MAPS,
  configMap,
  newWorld,
  type Reply,
  testPki,
  type World,
  type WorldOptions,
  widgetCrd,
} from './world.ts';

const PROGRAM = fileURLToPath(new URL('./server-process.ts', import.meta.url));
const MIB = 1024 * 1024;
const FILLER = { value: 'x'.repeat(20_000) };

async function withSmallDirectory(use: (mount: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'coppice-full-'));
  try {
    await withSmallDisk(directory, 32 * MIB, use);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A server whose database has a disk of its own; `hog` is a file that fills it. */
async function withServer(
  use: (world: World, hog: string) => Promise<void>,
  options: WorldOptions = {},
): Promise<void> {
  await withSmallDirectory(async (mount) => {
    const world = await newWorld({ ...options, storagePath: join(mount, 'api.db') });
    try {
      await use(world, join(mount, 'hog'));
    } finally {
      await world.end();
    }
  });
}

/** A server in a process of its own. */
async function startProcess(mount: string) {
  const child = spawn(process.execPath, [PROGRAM, mount], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const api = new Caller(url, (await testPki(mount)).ca.cert);
  return {
    api,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      api.close();
    },
  };
}

async function createMany({ api }: Pick<World, 'api'>, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    expect((await api.post(CONFIG_MAPS, configMap(`many-${at}`, FILLER))).status).toBe(201);
  }
}

function expectFull({ status, body }: Reply): void {
  expect(status).toBe(507);
  expect(body).toMatchObject({ kind: 'Status', reason: 'InsufficientStorage' });
  expect(body.message).toMatch(
    /^the disk of the API server's database .*api\.db is full: free space on it, or/,
  );
}

async function untilRefused(world: Pick<World, 'api'>, hog: string): Promise<void> {
  await fill(hog);
  for (let at = 0; ; at += 1) {
    const reply = await world.api.post(CONFIG_MAPS, configMap(`last-${at}`, FILLER));
    if (reply.status !== 201) return expectFull(reply);
  }
}

describeUnless(cannotMount, 'a server whose disk is full', () => {
  it('refuses what needs space, and reads, watches and deletes as ever', async () => {
    await withServer(async (world, hog) => {
      const { api } = world;
      await createMany(world, 300);
      const held = configMap('held', {}, { finalizers: ['example.com/held'] });
      await api.post(CONFIG_MAPS, held);
      await untilRefused(world, hog);
      const watch = await api.watch(`${CONFIG_MAPS}?fieldSelector=metadata.name=held`);
      expect(await watch.take(1)).toEqual(['ADDED held']);
      // What is being deleted needs further writes until it is gone.
      expect((await api.delete(`${CONFIG_MAPS}/held`)).status).toBe(200);
      await fill(hog);
      expect((await api.merge(`${CONFIG_MAPS}/held`, { data: { last: 'words' } })).status).toBe(200);
      expect((await api.merge(`${CONFIG_MAPS}/held`, { metadata: { finalizers: null } })).status).toBe(200);
      expect(await watch.take(3)).toEqual(['MODIFIED held', 'MODIFIED held', 'DELETED held']);
      watch.close();
      expectFull(await api.merge(`${CONFIG_MAPS}/many-7`, { data: { more: 'x' } }));
      for (let at = 0; at < 100; at += 1) {
        await fill(hog);
        expect((await api.delete(`${CONFIG_MAPS}/many-${at}`)).status).toBe(200);
      }
      await fill(hog);
      expect((await api.delete(CONFIG_MAPS)).status).toBe(200);
      expect((await api.get(CONFIG_MAPS)).body.items).toEqual([]);
      await world.stop();
      await fill(hog);
      await world.start();
      expect((await world.api.get(CONFIG_MAPS)).body.items).toEqual([]);
      await rm(hog);
      expect((await world.api.post(CONFIG_MAPS, configMap('again'))).status).toBe(201);
    });
  });

  it('answers reads while writes fail', async () => {
    await withServer(async (world, hog) => {
      const { api } = world;
      await createMany(world, 10);
      await untilRefused(world, hog);
      const { items } = (await api.get(CONFIG_MAPS)).body;
      const calls = Array.from({ length: 60 }, (_, at) => [
        api.post(CONFIG_MAPS, configMap(`more-${at}`, FILLER)),
        api.get(CONFIG_MAPS),
        api.get(`${CONFIG_MAPS}/many-1`),
        api.watch(CONFIG_MAPS).then(async (watch) => {
          expect(await watch.take(items.length)).toHaveLength(items.length);
          watch.close();
          return undefined;
        }),
      ]).flat();
      for (const [at, reply] of (await Promise.all(calls)).entries()) {
        if (at % 4 === 0 && reply !== undefined) expectFull(reply);
        else if (reply !== undefined) expect(reply.status).toBe(200);
      }
      expect((await api.get(CONFIG_MAPS)).body.items).toEqual(items);
    });
  });

  it('starts, with what a newer version brings', async () => {
    const clusterRoles: KubeObject[] = [];
    await withServer(
      async (world, hog) => {
        await createMany(world, 20);
        await untilRefused(world, hog);
        await world.stop();
        await fill(hog);
        const [apiVersion, kind] = ['rbac.authorization.k8s.io/v1', 'ClusterRole'];
        for (const name of ['new-a', 'new-b']) {
          clusterRoles.push({ apiVersion, kind, metadata: { name, annotations: FILLER }, rules: [] });
        }
        await world.start();
        const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/new-b';
        expect((await world.api.get(path)).status).toBe(200);
        expect((await world.api.delete(`${CONFIG_MAPS}/many-3`)).status).toBe(200);
      },
      { clusterRoles },
    );
  });

  it('starts after a kill in the middle of deletions, with what was acknowledged', async () => {
    await withSmallDirectory(async (mount) => {
      const hog = join(mount, 'hog');
      await testPki(mount);
      await writeFile(join(mount, 'widgets.json'), JSON.stringify(await widgetCrd()));
      const first = await startProcess(mount);
      await createMany(first, 300);
      await untilRefused(first, hog);
      const deletions = Array.from({ length: 300 }, (_, at) => first.api.delete(`${CONFIG_MAPS}/many-${at}`));
      const ending = Promise.allSettled(deletions);
      expect((await deletions[20])?.status).toBe(200);
      await first.kill();
      const ended = await ending;
      await fill(hog);
      const second = await startProcess(mount);
      const { items } = (await second.api.get(CONFIG_MAPS)).body as { items: KubeObject[] };
      const left = new Set(items.map(({ metadata }) => metadata.name));
      const acknowledged = ended.flatMap((each, at) =>
        each.status === 'fulfilled' && each.value.status === 200 ? [`many-${at}`] : [],
      );
      expect(acknowledged.filter((name) => left.has(name))).toEqual([]);
      expect((await second.api.delete(`${CONFIG_MAPS}`)).status).toBe(200);
      await second.kill();
    });
  });
});
