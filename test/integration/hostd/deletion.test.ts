import { readdir } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBootableDisk } from '../../builders/disk-images.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  QUICK,
  untilGone,
  untilInStep,
  withHost,
} from './fixtures.ts';
import { StallingFile, scenes } from './scenes.ts';

let certificates: Certificates;
let stalling: StallingFile;

beforeAll(async () => {
  certificates = await createCertificates();
  stalling = await StallingFile.start(aBootableDisk('never whole'));
});

afterAll(() => stalling.close());

describe('deleting an appliance in the middle of a step', () => {
  for (const { step, simulated, change } of scenes) {
    it(`leaves nothing of it, in ${step}`, async () => {
      const config = simulated === undefined ? {} : { simulated };
      await withHost(certificates, config, async ({ client, layer, stateDir }) => {
        await client.putImport(stalling.sha256, {
          kind: 'disk',
          url: stalling.url,
          template: 'default/slow',
        });
        const plain = applianceOf(layer);
        const desired = { ...plain, ...change?.(plain, stalling) };
        await client.putAppliance(desired);
        await untilInStep(client, desired.uuid, step);
        await client.deleteAppliance(desired.uuid);
        await untilGone(client, desired.uuid);
        expect(await readdir(join(stateDir, 'appliances'))).toEqual([]);
        expect((await client.getLayer(layer))?.heldBy).toEqual([]);
        await client.deleteImport({ sha256: stalling.sha256, kind: 'disk', namespace: 'default' });
        await client.deleteLayer(layer);
        expect(await readdir(join(stateDir, 'layers'))).toEqual([]);
        expect(await readdir(join(stateDir, 'imports'))).toEqual([]);
      });
    });
  }

  it('works while it waits for a port, and then frees nobody else’s', async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      await withHost(certificates, {}, async ({ client, layer }) => {
        const ports = [{ name: 'http', guestPort: 80, hostPort: port }];
        const desired = applianceOf(layer, { network: { mode: 'user', ports } });
        await client.putAppliance(desired);
        const problem = await eventually(async () => (await client.getAppliance(desired.uuid))?.problem);
        expect(problem.reason).toBe('PortInUse');
        expect(problem.message).toContain(`(process ${process.pid})`);
        await client.deleteAppliance(desired.uuid);
        await untilGone(client, desired.uuid);
      });
    } finally {
      other.close();
    }
  });

  it('refuses to create it again before it is gone', async () => {
    const simulated = { ...QUICK, times: { ...QUICK.times, shutdown: 300 } };
    await withHost(certificates, { simulated }, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await eventually(
        async () => (await client.getAppliance(desired.uuid))?.serviceState === 'ServiceAvailable',
      );
      const going = await client.deleteAppliance(desired.uuid);
      expect(going?.deleting).toBe(true);
      await expect(client.putAppliance(desired)).rejects.toMatchObject({
        status: 409,
        problem: { reason: 'Deleting' },
      });
      await untilGone(client, desired.uuid);
      await client.putAppliance(desired);
    });
  });
});
