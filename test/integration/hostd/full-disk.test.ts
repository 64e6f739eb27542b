import { randomUUID } from 'node:crypto';
import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { HostApiError } from '../../../src/host/client.ts';
import { describeUnless } from '../../skip.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  putTemplate,
  startHost,
  type TestHost,
  untilAvailable,
  untilGone,
  withDirectory,
} from './fixtures.ts';
import { cannotMount, fill, withSmallDisk } from './small-disk.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});

describeUnless(cannotMount, 'a host whose disk is full', () => {
  it('still deletes an appliance, which is what makes space', async () => {
    await withDirectory(async (directory) => {
      await withSmallDisk(directory, 2 * 1024 * 1024, async (mount) => {
        const host = await startHost(mount, certificates);
        try {
          const desired = applianceOf(await putTemplate(host));
          await host.client.putAppliance(desired);
          await untilAvailable(host.client, desired.uuid);
          await fill(join(mount, 'hog'));
          await host.client.deleteAppliance(desired.uuid);
          await untilGone(host.client, desired.uuid);
          expect(await readdir(join(host.stateDir, 'appliances'))).toEqual([]);
        } finally {
          await host.close();
        }
      });
    });
  });

  it('says so of an appliance that cannot be made, and makes it when there is space', async () => {
    await withDirectory(async (directory) => {
      await withSmallDisk(directory, 2 * 1024 * 1024, async (mount) => {
        const host = await startHost(mount, certificates);
        const hog = join(mount, 'hog');
        try {
          const layer = await putTemplate(host);
          await eventually(async () => (await host.client.getLayer(layer))?.state === 'Ready');
          const desired = applianceOf(layer);
          await writeFile(hog, Buffer.alloc(1));
          await fill(hog);
          await expect(host.client.putAppliance(desired)).rejects.toMatchObject({
            status: 507,
            problem: { reason: 'DiskFull' },
          });
          await rm(hog);
          await host.client.putAppliance(desired);
          await untilAvailable(host.client, desired.uuid);
        } finally {
          await host.close();
        }
      });
    });
  });

  it('goes on with a seal from wherever the space ended', async () => {
    await withDirectory(async (directory) => {
      await withSmallDisk(directory, 2 * 1024 * 1024, async (mount) => {
        const host = await startHost(mount, certificates);
        const hog = join(mount, 'hog');
        try {
          const desired = applianceOf(await putTemplate(host));
          await host.client.putAppliance(desired);
          await untilAvailable(host.client, desired.uuid);
          await fill(hog);
          const { size } = await stat(hog);
          const problems = new Set<string>();
          for (let pages = 0; pages < 16; pages += 1) {
            await truncate(hog, size - pages * 4096);
            problems.add(await sealed(host, desired.uuid, hog));
          }
          expect([...problems]).toEqual(expect.arrayContaining(['refused', 'Sealing', 'none']));
        } finally {
          await host.close();
        }
      });
    });
  });
});

/** Makes a layer of the appliance, with more space once it was missing. @returns what it was then doing */
async function sealed({ client }: TestHost, appliance: string, hog: string): Promise<string> {
  const uuid = randomUUID();
  const found = async () => (await client.getHost()).seals?.find((seal) => seal.uuid === uuid);
  const put = () => client.putSeal(uuid, { kind: 'appliance', appliance });
  const isRefused = await put().then(
    () => false,
    (error: HostApiError) => error.problem.reason === 'DiskFull',
  );
  const first = isRefused
    ? undefined
    : await eventually(async () => {
        const seal = await found();
        return (seal?.problem?.reason === 'DiskFull' || seal?.state === 'Ready') && seal;
      }, found);
  const { size } = await stat(hog);
  await truncate(hog, Math.max(0, size - 256 * 1024));
  await put();
  const { identity = '' } = await eventually(async () => {
    const seal = await found();
    return seal?.state === 'Ready' && seal;
  }, found);
  expect(await client.getLayer(identity)).toMatchObject({ state: 'Ready' });
  await client.deleteSeal(uuid);
  await client.deleteLayer(identity);
  await fill(hog);
  return isRefused ? 'refused' : first?.problem === undefined ? 'none' : first.state;
}
