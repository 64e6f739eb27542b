import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AMONG_VMS,
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
} from '../../integration/hostd/fixtures.ts';
import { type Child, killChild, startChild } from '../../integration/hostd/killable.ts';
import { withSharedMounts } from '../../integration/hostd/shared-directories.ts';
import { cannotMount } from '../../integration/hostd/small-disk.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 200_000;
const SHARED = { peers: [], readers: [], shared: true };

describeUnless(
  noQemu ?? cannotMount,
  'VMs of two hosts on layers in a directory that both have mounted',
  () => {
    let directory: string;
    let certificates: Certificates;
    let image: GuestImage;
    const hosts: Child[] = [];

    beforeAll(async () => {
      image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
      directory = await mkdtemp(join(tmpdir(), 'coppice-shared-'));
      certificates = await createCertificates();
    });
    afterAll(async () => {
      for (const host of hosts) if (host.process.signalCode === null) await killChild(host);
      for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
      await rm(directory, { recursive: true, force: true });
    });

    const start = async (name: string, sharedDirectory: string) => {
      await mkdir(join(directory, name), { recursive: true });
      const host = await startChild(join(directory, name), certificates, {
        driver: 'qemu',
        overrides: AMONG_VMS,
        fileRoots: [dirname(image.disk)],
        sharedDirectory,
      });
      hosts.push(host);
      return host;
    };
    const identitiesIn = ({ layer, boot }: OnLayers) =>
      [layer, ...(boot.kind === 'direct' ? [boot.kernel, boot.initrd] : [])].filter(
        (one) => one !== undefined,
      );
    const share = async ({ client }: Child, layers: readonly string[]) => {
      for (const layer of layers) {
        await client.putLayer(layer, SHARED);
        const status = () => client.getLayer(layer);
        await eventually(async () => (await status())?.shared, status, limitMs);
      }
    };
    const serves = async ({ client }: Child, guest: OnLayers) => {
      const desired = applianceOf(guest.layer, {
        ...guest,
        network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
        service: {
          name: 'page',
          container: { type: 'command', port: 8080 },
          parameters: {
            command: [
              '/bin/sh',
              '-c',
              'mkdir -p /srv/p && echo here >/srv/p/index.html && exec httpd -f -p 8080 -h /srv/p',
            ],
            probe: { kind: 'http', path: '/' },
          },
        },
      });
      await client.putAppliance(desired);
      const status = () => client.getAppliance(desired.uuid);
      const isThere = async () => ((await status())?.serviceState === 'ServiceAvailable' ? true : undefined);
      await eventually(isThere, status, limitMs);
      return desired.uuid;
    };
    const kibibytesOf = (path: string) =>
      Number(execFileSync('du', ['-sk', '--one-file-system', path]).toString().split('\t')[0]);

    it('serve, though the second host has no byte of them, and the first, killed, starts again and gives them up', {
      timeout: 2 * limitMs,
    }, async () => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        let first = await start('a', a);
        const second = await start('b', b);
        const guest = await holdGuest(image, (sha256, desired) => first.client.putImport(sha256, desired));
        const layers = identitiesIn(guest);
        await share(first, layers);
        await share(second, layers);
        for (const host of ['a', 'b'])
          expect(kibibytesOf(join(directory, host, 'state/layers'))).toBeLessThan(1024);
        const [onFirst] = await Promise.all([serves(first, guest), serves(second, guest)]);
        await killChild(first);
        first = await start('a', a);
        expect(await first.client.getLayer(guest.layer)).toMatchObject({ state: 'Ready', heldBy: [onFirst] });
        await expect(first.client.deleteLayer(guest.layer)).rejects.toMatchObject({
          problem: { reason: 'LayerInUse' },
        });
        await first.client.deleteAppliance(onFirst);
        const left = () => first.client.listAppliances();
        await eventually(async () => (await left()).length === 0 || undefined, left, limitMs);
        for (const layer of layers) await first.client.deleteLayer(layer);
        expect(await readdir(join(exported, 'layers'))).toHaveLength(layers.length);
        await serves(second, guest);
        for (const host of [first, second]) await killChild(host);
        for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
      });
    });
  },
);
