import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DesiredAppliance, StepName } from '../../../src/host/protocol.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import {
  applianceOf,
  createCertificates,
  eventually,
  importFile,
  sourceFile,
  startHost,
  type TestHost,
} from '../../integration/hostd/fixtures.ts';
import { MisbehavingServer, serving } from '../../integration/hostd/misbehaving-server.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage } from '../guest-vm.ts';
import { processesNaming } from '../processes.ts';
import { bootOf, holdLayers, type Layers } from './layers.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;
const MIB = 1024 * 1024;
const NOWHERE = 'f'.repeat(64);
/** Takes the agent seconds to write into a guest. */
const BULKY = randomBytes(24 * MIB);
const bulkySha256 = createHash('sha256').update(BULKY).digest('hex');

/** Fast enough that the daemon does not call it slow, and for so long that nobody sees the end. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 1024 * MIB });
  const timer = setInterval(() => response.write(Buffer.alloc(32 * 1024)), 250);
  response.once('close', () => clearInterval(timer));
}

type World = { readonly layers: Layers; readonly server: MisbehavingServer; readonly large: string };
type Change = (plain: DesiredAppliance, world: World) => Partial<DesiredAppliance>;

const withPackage =
  (path: string, sha256: string): Change =>
  ({ service }, { server }) => ({
    service: { ...service, package: { kind: 'archive', url: server.url(path), sha256 } },
  });

type Scene = {
  readonly step: StepName;
  readonly change?: Change;
  /** Nothing can make it last here: it may be over between two looks. */
  readonly isBrief?: boolean;
};

/** Each step, and what makes it last long enough that the deletion comes while it runs; for Network see test/scenarios/deletion.ts. */
const scenes: readonly Scene[] = [
  { step: 'Layers', change: () => ({ layer: NOWHERE }) },
  { step: 'Disk', change: (_, { large }) => ({ layer: large, disk: { mode: 'Clone' } }) },
  { step: 'Start', isBrief: true },
  { step: 'Agent' },
  { step: 'Configure', isBrief: true },
  { step: 'Package', change: withPackage('/stalling', NOWHERE) },
  { step: 'Install', change: withPackage('/bulky.bin', bulkySha256) },
  {
    step: 'Service',
    change: ({ service }) => ({
      service: { ...service, parameters: { probe: { kind: 'exec', command: ['/bin/false'] } } },
    }),
  },
];

describeUnless(noQemu, 'deleting an appliance of QEMU in the middle of a step', () => {
  let directory: string;
  let host: TestHost;
  let world: World;

  beforeAll(async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-deletion-'));
    const server = await MisbehavingServer.start();
    server.answer((request, response) => {
      if (request.url === '/bulky.bin') return serving(BULKY)(request, response);
      drip(response);
    });
    host = await startHost(directory, await createCertificates(), {
      driver: 'qemu',
      fileRoots: [dirname(image.disk), directory],
    });
    const layers = await holdLayers(image, (sha256, desired) => host.client.putImport(sha256, desired));
    const large = await sourceFile(
      directory,
      'large.img',
      Buffer.concat([aBootableDisk('large'), randomBytes(512 * MIB)]),
    );
    world = { layers, server, large: await importFile(host.client, large, { template: 'default/other' }) };
  });
  afterAll(async () => {
    await host?.close();
    await world?.server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const desiredFor = (change: Change = () => ({})) => {
    const { layers } = world;
    const plain = applianceOf(layers.disk, {
      boot: bootOf(layers),
      agentTimeoutSeconds: 600,
      serviceTimeoutSeconds: 600,
    });
    const container = { type: 'static-site', port: 80, documentRoot: '/srv/www' } as const;
    const fitting = { ...plain, service: { ...plain.service, container } };
    return { ...fitting, ...change(fitting, world) };
  };
  const untilIn = (uuid: string, { step, isBrief = false }: Scene) =>
    eventually(
      async () => {
        const found = (await host.client.getAppliance(uuid))?.steps.find(({ name }) => name === step);
        // An appliance asks again and again whether its layers are here.
        const asks = step === 'Layers' && found?.state === 'Failed';
        return found?.state === 'Running' || asks || (isBrief && found?.state === 'Done');
      },
      () => host.client.getAppliance(uuid),
      limitMs,
    );

  it.each(scenes)('leaves nothing of it, in $step', async (scene) => {
    const desired = desiredFor(scene.change);
    const { uuid } = desired;
    await host.client.putAppliance(desired);
    await untilIn(uuid, scene);
    await host.client.deleteAppliance(uuid);
    await eventually(
      async () => (await host.client.getAppliance(uuid)) === undefined,
      () => host.client.getAppliance(uuid),
      limitMs,
    );
    expect(await processesNaming(uuid)).toEqual([]);
    expect(await readdir(join(host.stateDir, 'appliances'))).toEqual([]);
    for (const { identity, heldBy } of (await host.client.getHost()).layers)
      expect([identity, heldBy]).toEqual([identity, []]);
    await eventually(async () => (await readdir(join(host.stateDir, 'packages'))).length === 0);
  });
});
