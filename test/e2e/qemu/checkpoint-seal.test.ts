import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../../src/host/protocol.ts';
import { readCheckpointHead } from '../../../src/hostd/checkpoints/state-file.ts';
import {
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
      network: { mode: 'user', ports: [] },
      capturable: true,
      ...change,
    });
  const runs = async (desired: DesiredAppliance) => {
    await host.client.putAppliance(desired);
    const status = () => host.client.getAppliance(desired.uuid);
    await eventually(
      async () => (await status())?.serviceState === 'ServiceAvailable' || undefined,
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
    const head = await readCheckpointHead(blob(state));
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
    expect(await readCheckpointHead(blob(checkpoint?.state))).toMatchObject({
      layers: checkpoint && { memory: checkpoint.memory },
    });
    await host.client.deleteAppliance(saved.uuid);
  });

  it('says why none is made of a VM whose memory cannot be read', async () => {
    const plain = appliance({ capturable: false });
    await runs(plain);
    const uuid = randomUUID();
    await host.client.putSeal(uuid, { kind: 'checkpoint', appliance: plain.uuid });
    const problem = await eventually(
      async () => (await sealOf(uuid))?.problem,
      () => sealOf(uuid),
      limitMs,
    );
    expect(problem.reason).toBe('CheckpointFailed');
    expect(problem.message).toContain('it was not started as a VM whose memory can be saved');
    expect((await host.client.getAppliance(plain.uuid))?.vm.state).toBe('Running');
    await host.client.deleteSeal(uuid);
    await host.client.deleteAppliance(plain.uuid);
  });
});
