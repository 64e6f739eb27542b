import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
import { readCheckpointHead } from '../../../src/hostd/checkpoints/state-file.ts';
import {
  AMONG_VMS,
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
} from '../../integration/hostd/fixtures.ts';
import { type Child, killChild, startChild } from '../../integration/hostd/killable.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const MEMORY_BYTES = 128 * 1024 * 1024;
const limitMs = 200_000;

describeUnless(noQemu, 'an appliance whose memory becomes layers', () => {
  let directory: string;
  let certificates: Certificates;
  let image: GuestImage;
  let host: Child;
  let made: OnLayers;

  const start = async () => {
    host = await startChild(directory, certificates, {
      driver: 'qemu',
      overrides: AMONG_VMS,
      fileRoots: [dirname(image.disk), directory],
    });
  };
  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-checkpoint-seal-'));
    certificates = await createCertificates();
    await start();
    made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
  });
  afterAll(async () => {
    await killChild(host);
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const appliance = (change: Partial<DesiredAppliance> = {}) =>
    applianceOf(made.layer, {
      ...made,
      resources: { cpuMillis: 500, memoryBytes: MEMORY_BYTES },
      service: serviceOf('saved'),
      capturable: true,
      ...change,
    });
  const runs = async (desired: DesiredAppliance) => {
    await host.client.putAppliance(desired);
    const status = () => host.client.getAppliance(desired.uuid);
    return await eventually(
      async () => {
        const found = await status();
        return found?.serviceState === 'ServiceAvailable' ? found : undefined;
      },
      status,
      limitMs,
    );
  };
  const sealOf = async (uuid: string) =>
    (await host.client.getHost()).seals?.find((seal) => seal.uuid === uuid);
  const sealed = (uuid: string) =>
    eventually(
      async () => {
        const found = await sealOf(uuid);
        return found?.state === 'Ready' ? found : undefined;
      },
      () => sealOf(uuid),
      limitMs,
    );
  const blob = (identity = '') => join(directory, 'state/layers', identity, 'blob');

  it('is a disk on its template, memory with holes, and a state that names both and what they depend on', async () => {
    const saved = appliance();
    await runs(saved);
    const uuid = randomUUID();
    await host.client.putSeal(uuid, { kind: 'checkpoint', appliance: saved.uuid });
    const { identity = '', checkpoint } = await sealed(uuid);
    const { memory = '', state = '' } = checkpoint ?? {};
    expect(await host.client.getLayer(identity)).toMatchObject({ kind: 'disk', parent: made.layer });
    expect(await host.client.getLayer(state)).toMatchObject({ kind: 'state', state: 'Ready' });
    const layer = await host.client.getLayer(memory);
    expect(layer).toMatchObject({ kind: 'memory', state: 'Ready', virtualBytes: MEMORY_BYTES });
    expect(layer?.storedBytes).toBeLessThan(MEMORY_BYTES);
    expect((await stat(blob(memory))).mode & 0o777).toBe(0o600);
    const head = (await readCheckpointHead(blob(state)))?.head;
    expect(head).toMatchObject({ layers: { memory, disk: identity }, key: { memory: String(MEMORY_BYTES) } });
    expect((await readFile(blob(state))).includes('QEVM')).toBe(true);
    for (const each of [identity, memory, state]) {
      await host.client.verifyLayer(each, { request: 'look' });
      const verification = async () => (await host.client.getLayer(each))?.verification;
      await eventually(
        async () => (await verification())?.state === 'Sound' || undefined,
        verification,
        limitMs,
      );
    }
    await host.client.deleteAppliance(saved.uuid);
  });

  it('is saved, although the daemon is killed again and again', async () => {
    const saved = appliance();
    await runs(saved);
    const uuid = randomUUID();
    await host.client.putSeal(uuid, { kind: 'checkpoint', appliance: saved.uuid });
    for (const afterMs of [0, 50, 150, 400]) {
      await delay(afterMs);
      await killChild(host);
      await start();
    }
    const { checkpoint } = await sealed(uuid);
    expect((await readCheckpointHead(blob(checkpoint?.state)))?.head.layers.memory).toBe(checkpoint?.memory);
    await host.client.deleteAppliance(saved.uuid);
  });

  it('is made of a VM that runs on, again and again, though it was not started for that', async () => {
    const plain = appliance({ capturable: false });
    const { vm } = await runs(plain);
    const states: string[] = [];
    for (const uuid of [randomUUID(), randomUUID()]) {
      await host.client.putSeal(uuid, { kind: 'checkpoint', appliance: plain.uuid });
      states.push((await sealed(uuid)).checkpoint?.state ?? '');
    }
    expect(new Set(states).size).toBe(2);
    expect((await host.client.getAppliance(plain.uuid))?.vm).toMatchObject({ state: 'Running', pid: vm.pid });
    await host.client.deleteAppliance(plain.uuid);
  });

  describe('and others continue from it', () => {
    let checkpoint: Pick<DesiredAppliance, 'layer' | 'checkpoint'>;

    beforeAll(async () => {
      const saved = appliance({ name: 'saved' });
      await runs(saved);
      const uuid = randomUUID();
      await host.client.putSeal(uuid, { kind: 'checkpoint', appliance: saved.uuid });
      const found = await sealed(uuid);
      await host.client.deleteAppliance(saved.uuid);
      checkpoint = { layer: found.identity ?? '', ...(found.checkpoint && { checkpoint: found.checkpoint }) };
    }, limitMs);

    const clone = (name: string, change: Partial<DesiredAppliance> = {}) => {
      const own = { name, capturable: false, service: serviceOf(name) };
      return appliance({ ...checkpoint, ...own, ...change });
    };
    const textAt = async (url = '') => (await fetch(url, { signal: AbortSignal.timeout(20_000) })).text();
    const startOf = ({ steps }: ApplianceStatus) => steps.find(({ name }) => name === 'Start');
    const continues = async ({ uuid }: DesiredAppliance) =>
      (await processesNaming(uuid)).filter(isQemu).some(({ argv }) => argv.includes('-incoming'));

    it('each serves what is its own, of one memory, also after a start from its own disk', async () => {
      const clones = [clone('one'), clone('two')];
      for (const each of clones) {
        const { accessPoints, steps } = await runs(each);
        expect(await textAt(accessPoints[0])).toBe(`I am ${each.name}`);
        expect(steps.find(({ name }) => name === 'Clone')).toMatchObject({ state: 'Done' });
        expect(await continues(each)).toBe(true);
      }
      const [first] = clones;
      if (first === undefined) throw new Error('there is none');
      const [vm] = (await processesNaming(first.uuid)).filter(isQemu);
      await killAndWait(vm?.pid ?? 0);
      const text = async () => textAt((await host.client.getAppliance(first.uuid))?.accessPoints[0]);
      await eventually(async () => (await text().catch(() => '')) === 'I am one', undefined, limitMs);
      expect(await continues(first)).toBe(false);
      for (const { uuid } of clones) await host.client.deleteAppliance(uuid);
    });

    it('though the daemon is killed again and again', async () => {
      const killed = clone('killed');
      await host.client.putAppliance(killed);
      for (const afterMs of [100, 200, 400, 800, 1600]) {
        await delay(afterMs);
        await killChild(host);
        await start();
      }
      expect(await textAt((await runs(killed)).accessPoints[0])).toBe('I am killed');
      expect(await continues(killed)).toBe(true);
      await host.client.deleteAppliance(killed.uuid);
    });

    it('boots instead where it does not fit, and says why', async () => {
      const other = clone('other', { resources: { cpuMillis: 500, memoryBytes: 2 * MEMORY_BYTES } });
      const found = await runs(other);
      expect(startOf(found)?.message).toMatch(/it was saved with memory 134217728, here 268435456/);
      expect(await textAt(found.accessPoints[0])).toBe('I am other');
      expect(await continues(other)).toBe(false);
      await host.client.deleteAppliance(other.uuid);
    });
  });
});

function serviceOf(name: string): DesiredAppliance['service'] {
  const files = { 'index.html': Buffer.from(`I am ${name}`).toString('base64') };
  return {
    name: 'web',
    container: { type: 'static-site', port: 80, documentRoot: '/srv/www' },
    package: { kind: 'files', files },
    parameters: {},
  };
}
