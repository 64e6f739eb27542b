import { randomUUID } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostClient } from '../../../src/host/client.ts';
import type { DesiredBuildStep, SealStatus } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  putTemplate,
  startHost,
  untilGone,
  withDirectory,
  withHost,
} from './fixtures.ts';
import { killChild, startChild } from './killable.ts';

const run: DesiredBuildStep = { kind: 'run', name: 'install', script: 'true', timeoutSeconds: 60 };

/** Resolves with the appliance in which it was built. */
async function built(client: HostClient, layer: string, namespace = 'default'): Promise<string> {
  const network = { mode: 'user', ports: [] } as const;
  const desired = applianceOf(layer, { namespace, build: { steps: [run], clean: [] }, network });
  await client.putAppliance(desired);
  const ask = () => client.getAppliance(desired.uuid);
  await eventually(async () => (await ask())?.build?.state === 'Built', ask);
  return desired.uuid;
}

const untilSealed = (client: HostClient, uuid: string): Promise<SealStatus> =>
  eventually(
    async () => (await client.getHost()).seals?.find((one) => one.uuid === uuid && one.state === 'Ready'),
    () => client.getHost(),
  );

/** Resolves with the layer; seal and appliance are gone, as when the template has it. */
async function sealed(client: HostClient, appliance: string): Promise<string> {
  const uuid = randomUUID();
  await client.putSeal(uuid, { kind: 'appliance', appliance });
  const { identity = '' } = await untilSealed(client, uuid);
  await client.deleteSeal(uuid);
  await client.deleteAppliance(appliance);
  await untilGone(client, appliance);
  return identity;
}

const logOf = (client: HostClient, identity: string, change: object = {}) =>
  client.getLayerLog(identity, { namespace: 'default', source: 'build', bytes: 10_000, ...change });

const MISSING = { status: 404, problem: { reason: 'NoBuildLog' } };
const STEP = '[coppice] step 1 of 1 (install): run\n';

describe('the log of a build', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await createCertificates();
  });

  it('stays with the layer, through a restart, and goes with it', async () => {
    await withDirectory(async (directory) => {
      let host = await startHost(directory, certificates);
      const identity = await sealed(host.client, await built(host.client, await putTemplate(host)));
      await host.close();
      host = await startHost(directory, certificates);
      try {
        const log = await logOf(host.client, identity);
        expect(log).toContain(STEP);
        expect(log).toContain('[coppice] the guest is shut down\n');
        expect(await logOf(host.client, identity, { bytes: 6 })).toBe(log.slice(-6));
        expect(await logOf(host.client, identity, { source: 'console' })).toContain('simulated');
        await host.client.deleteLayer(identity);
        await expect(logOf(host.client, identity)).rejects.toMatchObject(MISSING);
        expect(await readdir(join(host.stateDir, 'build-logs'))).toEqual([]);
      } finally {
        await host.close();
      }
    });
  });

  it("is its namespace's, also where another one built the same layer", async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const mine = await sealed(client, await built(client, layer));
      await expect(logOf(client, mine, { namespace: 'theirs' })).rejects.toMatchObject(MISSING);
      expect(await sealed(client, await built(client, layer, 'theirs'))).toBe(mine);
      for (const namespace of ['default', 'theirs'])
        expect(await logOf(client, mine, { namespace })).toContain(STEP);
    });
  });

  it('is not there for layers that nothing built, and has no other name', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      await expect(logOf(client, layer)).rejects.toMatchObject(MISSING);
      await expect(logOf(client, layer, { namespace: '..%2F..' })).rejects.toMatchObject({ status: 400 });
      await expect(logOf(client, layer, { source: 'desired' })).rejects.toMatchObject({ status: 400 });
    });
  });

  it('is missing where it cannot be kept, and the layer is there all the same', async () => {
    await withHost(certificates, {}, async ({ client, layer, stateDir }) => {
      const appliance = await built(client, layer);
      await rm(join(stateDir, 'build-logs'), { recursive: true });
      await writeFile(join(stateDir, 'build-logs'), 'no folder');
      const identity = await sealed(client, appliance);
      expect(await client.getLayer(identity)).toMatchObject({ state: 'Ready' });
      await rm(join(stateDir, 'build-logs'));
      await expect(logOf(client, identity)).rejects.toMatchObject(MISSING);
    });
  });

  it('is there whenever the daemon was killed, and goes when it was killed behind the layer', async () => {
    await withDirectory(async (directory) => {
      let host = await startChild(directory, certificates);
      const killed = async () => {
        await killChild(host);
        host = await startChild(directory, certificates);
      };
      try {
        const appliance = await built(host.client, await putTemplate({ directory, client: host.client }));
        const uuid = randomUUID();
        await host.client.putSeal(uuid, { kind: 'appliance', appliance });
        for (const pauseMs of [0, 5, 10, 20]) {
          await delay(pauseMs);
          await killed();
        }
        const { identity = '' } = await untilSealed(host.client, uuid);
        expect(await logOf(host.client, identity)).toContain(STEP);
        // Whatever the kill leaves of the seal, the next call removes.
        const asked = host.client.deleteSeal(uuid).catch(() => undefined);
        await killed();
        await asked;
        await host.client.deleteSeal(uuid);
        expect(await readdir(join(directory, 'state/seals'))).toEqual([]);
        await killChild(host);
        await rm(join(directory, 'state/layers', identity), { recursive: true });
        host = await startChild(directory, certificates);
        expect(await readdir(join(directory, 'state/build-logs'))).toEqual([]);
      } finally {
        await killChild(host);
      }
    });
  });
});
