import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runHostd } from '../../../src/main/hostd.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import {
  applianceOf,
  configOf,
  createCertificates,
  eventually,
  putTemplate,
  startHost,
  untilAvailable,
  untilInStep,
  withDirectory,
} from './fixtures.ts';
import { killChild, startChild } from './killable.ts';
import { StallingFile, scenes } from './scenes.ts';

const APPLIANCES = 10;

/** Starts that each VM's console tells of: a VM that was started twice would tell of two. */
async function startsOf(directory: string): Promise<readonly number[]> {
  const root = join(directory, 'state', 'appliances');
  const uuids = await readdir(root);
  return Promise.all(
    uuids.map(async (uuid) => {
      // One whose daemon died between its start and its first words is never started again, and stays silent.
      const console = await readFile(join(root, uuid, 'console.log'), 'utf8').catch(emptyIfMissing);
      return console.trim().split('\n').length;
    }),
  );
}

function emptyIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** Files and folders that were never finished, or never done away with. */
async function leftoversIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, 'state'), { recursive: true });
  return names.filter((name) => /\.(partial|new|deleting)$/.test(name));
}

/** COPPICE_TEST_KILLS=all takes smaller steps. */
const KILLS_MS = process.env.COPPICE_TEST_KILLS === 'all' ? [20, 60, 120, 200, 300, 450] : [20, 120, 300];

describe('a daemon that is killed', () => {
  for (const killAfterMs of KILLS_MS) {
    it(`finds its ten appliances again after ${killAfterMs} ms, and brings up each once`, async () => {
      await withDirectory(async (directory) => {
        const certificates = await createCertificates();
        const first = await startChild(directory, certificates);
        const layer = await putTemplate({ directory, client: first.client });
        const wanted = Array.from({ length: APPLIANCES }, (_, index) =>
          applianceOf(layer, { name: `web-${index}`, disk: { mode: 'Incremental', dataBytes: 1024 * 1024 } }),
        );
        const puts = Promise.allSettled(wanted.map((desired) => first.client.putAppliance(desired)));
        await delay(killAfterMs);
        await killChild(first);
        await puts;

        const second = await startHost(directory, certificates);
        try {
          // As the operator would: it asks again for everything, whether or not it was acknowledged.
          await Promise.all(wanted.map((desired) => second.client.putAppliance(desired)));
          const statuses = await eventually(
            async () => {
              const list = await second.client.listAppliances();
              return list.every(({ serviceState }) => serviceState === 'ServiceAvailable') ? list : undefined;
            },
            () => second.client.listAppliances(),
          );
          const uuids = statuses.map(({ uuid }) => uuid).toSorted();
          expect(uuids).toEqual(wanted.map(({ uuid }) => uuid).toSorted());
          const ports = statuses.flatMap(({ endpoints }) => endpoints.map(({ port }) => port));
          expect(new Set(ports).size).toBe(APPLIANCES);
          expect(statuses.every(({ dataDiskPath }) => dataDiskPath !== undefined)).toBe(true);
        } finally {
          await second.close();
        }
        expect(await startsOf(directory)).toEqual(Array.from({ length: APPLIANCES }, () => 1));
        expect(await leftoversIn(directory)).toEqual([]);
      });
    });
  }

  it('finishes the deletion that was asked of it', async () => {
    await withDirectory(async (directory) => {
      const certificates = await createCertificates();
      const first = await startChild(directory, certificates);
      const layer = await putTemplate({ directory, client: first.client });
      const desired = applianceOf(layer);
      await first.client.putAppliance(desired);
      await eventually(
        async () => (await first.client.getAppliance(desired.uuid))?.serviceState === 'ServiceAvailable',
      );
      await first.client.deleteAppliance(desired.uuid);
      await killChild(first);
      const second = await startHost(directory, certificates);
      try {
        await eventually(async () => (await second.client.getAppliance(desired.uuid)) === undefined);
        expect(await readdir(join(directory, 'state', 'appliances'))).toEqual([]);
      } finally {
        await second.close();
      }
    });
  });

  it('leaves its state directory to the next, which two that live may not share', async () => {
    await withDirectory(async (directory) => {
      const certificates = await createCertificates();
      const first = await startChild(directory, certificates);
      const second = runHostd(configOf(join(directory, 'state'), certificates));
      await expect(second).rejects.toMatchObject({ reason: 'StateDirectoryInUse' });
      await killChild(first);
      const third = await startHost(directory, certificates);
      await third.close();
    });
  });
});

describe('a daemon that is killed in the middle of a step', () => {
  it.each(scenes)('makes the appliance all the same, and starts it once: $step', async (scene) => {
    const { step, simulated, change } = scene;
    const stalling = await StallingFile.start(aBootableDisk('what comes in the end'));
    await withDirectory(async (directory) => {
      const certificates = await createCertificates();
      const first = await startChild(directory, certificates, simulated && { simulated });
      const layer = await putTemplate({ directory, client: first.client });
      const slow = { kind: 'disk', url: stalling.url, template: 'default/slow' } as const;
      await first.client.putImport(stalling.sha256, slow);
      const plain = applianceOf(layer);
      const desired = { ...plain, ...change?.(plain, stalling) };
      await first.client.putAppliance(desired);
      await untilInStep(first.client, desired.uuid, step);
      await killChild(first);
      stalling.release();
      const second = await startHost(directory, certificates);
      try {
        await untilAvailable(second.client, desired.uuid);
        // A daemon that ends keeps what it has of a file, to go on with later.
        await eventually(async () => (await second.client.getLayer(stalling.layer))?.state === 'Ready');
        expect((await second.client.listAppliances()).map(({ uuid }) => uuid)).toEqual([desired.uuid]);
      } finally {
        await second.close();
      }
      expect(await startsOf(directory)).toEqual([1]);
      expect(await leftoversIn(directory)).toEqual([]);
    }).finally(() => stalling.close());
  });
});
