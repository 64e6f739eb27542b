import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HostClient } from '../../../src/host/client.ts';
import type { DesiredAppliance } from '../../../src/host/protocol.ts';
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
const limitMs = 400_000;

/**
 * Each of its starts adds a line to what it serves, which nothing but the guest itself flushes to the disk, shows what is on its second
 * disk, and writes its own line there.
 */
const SERVER = `mkdir -p /srv/kept && cd /srv/kept && id=$(cat /proc/sys/kernel/random/uuid)
head -c 36 /dev/vdb >data && printf %s $id | dd of=/dev/vdb conv=fsync && echo $id >>starts
exec httpd -f -p 8080 -h /srv/kept`;
const DATA_BYTES = 16 * 1024 * 1024;

describeUnless(noQemu, 'an appliance whose disk becomes a layer', () => {
  let directory: string;
  let certificates: Certificates;
  let image: GuestImage;
  let host: Child;
  let made: OnLayers;
  let first: DesiredAppliance;
  let startsOfFirst: readonly string[];

  const start = async () => {
    host = await startChild(directory, certificates, {
      driver: 'qemu',
      overrides: AMONG_VMS,
      fileRoots: [dirname(image.disk), directory],
    });
  };
  const killed = async () => {
    await killChild(host);
    await start();
  };
  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-seal-'));
    certificates = await createCertificates();
    await start();
    made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
    first = applianceOn(made.layer);
    startsOfFirst = await startsIn(await put(first));
  });
  afterAll(async () => {
    await killChild(host);
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const applianceOn = (layer: string, dataLayer?: string) =>
    applianceOf(layer, {
      ...made,
      layer,
      disk: { ...made.disk, dataBytes: DATA_BYTES, ...(dataLayer === undefined ? {} : { dataLayer }) },
      network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
      service: {
        name: 'kept',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVER], probe: { kind: 'http', path: '/starts' } },
      },
    });
  /** Puts it and waits until it serves; resolves with its URL. */
  const put = async (desired: DesiredAppliance) => {
    await host.client.putAppliance(desired);
    const status = () => host.client.getAppliance(desired.uuid);
    const { accessPoints } = await eventually(
      async () => {
        const found = await status();
        const isThere = found?.serviceState === 'ServiceAvailable' && found.problem === undefined;
        return isThere && found.stateGeneration === desired.generation ? found : undefined;
      },
      status,
      limitMs,
    );
    return accessPoints[0] ?? '';
  };
  const textIn = async (url: string, file: string) => {
    const answer = await fetch(new URL(file, url), { signal: AbortSignal.timeout(20_000) });
    return (await answer.text()).trim();
  };
  const startsIn = async (url: string) => (await textIn(url, 'starts')).split('\n');
  const off = async (desired: DesiredAppliance) => {
    await host.client.putAppliance({ ...desired, powerState: 'Stopped' });
    const vm = async () => (await host.client.getAppliance(desired.uuid))?.vm.state;
    await eventually(async () => (await vm()) === 'Absent' || undefined, vm, limitMs);
  };
  const sealOf = async (seal: string) => (await sealsOf(host.client)).find(({ uuid }) => uuid === seal);
  const layersOf = (seal: string) =>
    eventually(
      async () => {
        const { identity = '', data = '', state } = (await sealOf(seal)) ?? {};
        return state === 'Ready' ? { identity, data } : undefined;
      },
      () => sealOf(seal),
      limitMs,
    );
  const layerFile = (identity: string) => join(directory, 'state/layers', identity, 'disk.qcow2');

  it('runs on, and another appliance on the layer has what its guest wrote, flushed or not', async () => {
    const seal = randomUUID();
    await host.client.putSeal(seal, { kind: 'appliance', appliance: first.uuid });
    const { identity, data } = await layersOf(seal);
    expect(await host.client.getLayer(identity)).toMatchObject({ state: 'Ready', parent: made.layer });
    expect((await sealOf(seal))?.warning).toBeUndefined();
    const second = applianceOn(identity, data);
    const url = await put(second);
    const starts = await startsIn(url);
    expect(await textIn(url, 'data')).toBe(startsOfFirst[0]);
    expect(starts).toHaveLength(2);
    expect(starts[0]).toBe(startsOfFirst[0]);
    expect(await startsIn(await put(first))).toEqual(startsOfFirst);
    await expect(host.client.deleteLayer(made.layer)).rejects.toMatchObject({
      problem: { reason: 'LayerInUse' },
    });
    await host.client.deleteAppliance(second.uuid);
  });

  it('lets its guest go on, and is sealed, although the daemon is killed again and again', async () => {
    const seal = randomUUID();
    await host.client.putSeal(seal, { kind: 'appliance', appliance: first.uuid });
    for (const afterMs of [0, 30, 100, 300, 600]) {
      await delay(afterMs);
      await killed();
    }
    const { identity } = await layersOf(seal);
    expect(await host.client.getLayer(identity)).toMatchObject({ state: 'Ready', parent: made.layer });
    expect(await startsIn(await put(first))).toEqual(startsOfFirst);
    // A guest whose file systems are frozen could not start its service again.
    const parameters = { ...first.service.parameters, env: { AGAIN: 'yes' } };
    const changed = { ...first, generation: 2, service: { ...first.service, parameters } };
    const url = await put(changed);
    await eventually(
      async () => (await startsIn(url)).length > 1,
      () => startsIn(url),
    );
    first = changed;
  });

  it('is sealed at once when it is off, and starts again with a disk of its own', async () => {
    first = { ...first, generation: first.generation + 1 };
    await off(first);
    const seal = randomUUID();
    await host.client.putSeal(seal, { kind: 'appliance', appliance: first.uuid });
    const { identity, data } = await layersOf(seal);
    const digests = () => Promise.all([identity, data].map((layer) => digestOf(layerFile(layer))));
    const before = await digests();
    // What a guest sees is the same, whichever way it becomes one layer: so is the name.
    const [flat, flattened] = [randomUUID(), randomUUID()];
    await host.client.putSeal(flat, { kind: 'appliance', appliance: first.uuid, flat: true });
    await host.client.putSeal(flattened, { kind: 'layers', disk: identity, data });
    const whole = await layersOf(flat);
    expect(await layersOf(flattened)).toEqual(whole);
    expect((await host.client.getLayer(whole.identity))?.parent).toBeUndefined();
    first = { ...first, generation: first.generation + 1 };
    const starts = await startsIn(await put(first));
    await off({ ...first, generation: first.generation + 1 });
    expect(await digests()).toEqual(before);
    const url = await put(applianceOn(whole.identity, whole.data));
    expect((await startsIn(url)).slice(0, -1)).toEqual(starts.slice(0, -1));
    expect(await textIn(url, 'data')).toBe(starts.at(-2));
  });

  it('runs on while all that its guest sees is copied, too', async () => {
    first = { ...first, generation: first.generation + 2 };
    const starts = await startsIn(await put(first));
    const seal = randomUUID();
    await host.client.putSeal(seal, { kind: 'appliance', appliance: first.uuid, flat: true });
    const { identity, data } = await layersOf(seal);
    expect((await host.client.getLayer(identity))?.parent).toBeUndefined();
    expect((await sealOf(seal))?.warning).toBeUndefined();
    expect((await startsIn(await put(applianceOn(identity, data)))).slice(0, -1)).toEqual(starts);
  });

  it('is named when it is not there, and its seal can be deleted', async () => {
    const seal = randomUUID();
    await host.client.putSeal(seal, { kind: 'appliance', appliance: randomUUID() });
    const found = await eventually(
      async () => {
        const status = await sealOf(seal);
        return status?.problem === undefined ? undefined : status;
      },
      () => sealOf(seal),
    );
    expect(found).toMatchObject({ state: 'Failed', problem: { reason: 'ApplianceGone' } });
    await expect(
      host.client.putSeal(seal, { kind: 'appliance', appliance: first.uuid }),
    ).rejects.toMatchObject({
      problem: { reason: 'Immutable' },
    });
    await host.client.deleteSeal(seal);
    expect(await sealOf(seal)).toBeUndefined();
  });
});

async function sealsOf(client: HostClient) {
  return (await client.getHost()).seals ?? [];
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
