import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeUnless } from '../../skip.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  putTemplate,
  startHost,
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
});
