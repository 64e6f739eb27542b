import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, vi } from 'vitest';
import { locate } from '../../../src/hostd/programs.ts';
import {
  applianceOf,
  createCertificates,
  eventually,
  startHost,
  type TestHost,
} from '../../integration/hostd/fixtures.ts';
import { itUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { bootOf, holdLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;
const missing = { reason: 'HypervisorMissing', message: expect.stringContaining('apt-get install qemu-') };

itUnless(
  noQemu,
  'a host without QEMU says what to install, and goes to work as soon as it is there',
  async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    const directory = await mkdtemp(join(tmpdir(), 'coppice-missing-'));
    const programs = join(directory, 'programs');
    await mkdir(programs);
    const path = process.env.PATH ?? '';
    vi.stubEnv('PATH', programs);
    try {
      const host = await startHost(directory, await createCertificates(), {
        driver: 'qemu',
        fileRoots: [dirname(image.disk)],
      });
      try {
        await installLater(host, image, () => install(programs, path));
      } finally {
        await host.close();
      }
    } finally {
      vi.unstubAllEnvs();
      await rm(directory, { recursive: true, force: true });
    }
  },
);

async function installLater(host: TestHost, image: GuestImage, installQemu: () => Promise<void>) {
  const { client } = host;
  expect((await client.getHost()).driver).toMatchObject({ accelerator: 'none', problem: missing });
  const imported = holdLayers(image, (sha256, desired) => client.putImport(sha256, desired));
  await eventually(
    async () => (await client.getHost()).imports?.some(({ problem }) => problem?.reason === missing.reason),
    () => client.getHost(),
  );
  await installQemu();
  await eventually(
    async () => (await client.getHost()).driver.problem === undefined,
    () => client.getHost(),
    limitMs,
  );
  const layers = await imported;
  const desired = applianceOf(layers.disk, { boot: bootOf(layers), agentTimeoutSeconds: 600 });
  const { uuid } = desired;
  await client.putAppliance(desired);
  try {
    await eventually(
      async () => (await client.getAppliance(uuid))?.vm.state === 'Running',
      () => client.getAppliance(uuid),
      limitMs,
    );
  } finally {
    await client.deleteAppliance(uuid);
    await eventually(async () => (await client.getAppliance(uuid)) === undefined, undefined, limitMs);
  }
}

async function install(programs: string, path: string): Promise<void> {
  for (const name of ['qemu-system-x86_64', 'qemu-img', 'prlimit', 'setpriv']) {
    await symlink((await locate(name, path)) ?? '', join(programs, name));
  }
}
