import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { ApplianceStatus, SealStatus } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  createCertificates,
  eventually,
  startHost,
  type TestHost,
} from '../../integration/hostd/fixtures.ts';
import { cannotMount } from '../../integration/hostd/small-disk.ts';
import { itUnless } from '../../skip.ts';
import { buildGuestImage } from '../guest-vm.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;

/** Writes more than the host has free (the guest has more), then serves that it is done. */
const WRITER = `dd if=/dev/urandom of=/srv/data bs=1M count=24 && sync && echo written >/srv/done
while :; do sleep 1; done`;

itUnless(
  noQemu ?? cannotMount,
  'a VM whose host runs out of space is paused, says so, and continues when there is some',
  async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    const directory = await mkdtemp(join(tmpdir(), 'coppice-full-'));
    const small = join(directory, 'small');
    await mkdir(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=76m', 'coppice-test', small]);
    try {
      const host = await startHost(small, await createCertificates(), {
        driver: 'qemu',
        fileRoots: [dirname(image.disk)],
        overrides: { reserveBytes: 8 * 1024 * 1024 },
      });
      try {
        const made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
        await fillAndFree(host, made, small);
      } finally {
        await host.close();
      }
    } finally {
      await run('umount', ['--lazy', small]);
      await rm(directory, { recursive: true, force: true });
    }
  },
);

async function fillAndFree(host: TestHost, made: OnLayers, small: string): Promise<void> {
  const desired = applianceOf(made.layer, {
    ...made,
    network: { mode: 'user', ports: [{ name: 'command', guestPort: 8080 }] },
    service: {
      name: 'writer',
      container: { type: 'command', port: 8080 },
      parameters: {
        command: ['/bin/sh', '-c', WRITER],
        probe: { kind: 'exec', command: ['/bin/sh', '-c', '[ -f /srv/done ]'] },
      },
    },
  });
  const { uuid } = desired;
  await host.client.putAppliance(desired);
  try {
    const full = await untilStatus(
      host,
      uuid,
      ({ vm, problem }) => vm.state === 'Paused' && problem?.reason === 'DiskFull',
    );
    expect(full.serviceState).toBe('VMUnavailable');
    await run('mount', ['-o', 'remount,size=300m', small]);
    const well = await untilStatus(host, uuid, ({ serviceState }) => serviceState === 'ServiceAvailable');
    expect(well.problem).toBeUndefined();
    expect([well.vm.pid, well.vm.startedAt]).toEqual([full.vm.pid, full.vm.startedAt]);
    await sealWhileFull(host, uuid, small);
  } finally {
    await host.client.deleteAppliance(uuid);
    await eventually(async () => (await host.client.getAppliance(uuid)) === undefined, undefined, limitMs);
  }
}

/** The space goes in the middle of a copy of the VM's disk: whatever had been written goes, too, and the seal waits for space. */
async function sealWhileFull(host: TestHost, appliance: string, small: string): Promise<void> {
  const seal = randomUUID();
  const sealed = async () => (await host.client.getHost()).seals?.find(({ uuid }) => uuid === seal);
  const until = (holds: (status: SealStatus | undefined) => boolean) =>
    eventually(async () => holds(await sealed()), sealed, limitMs);
  await host.client.putSeal(seal, { kind: 'appliance', appliance });
  await run('mount', ['-o', `remount,size=${(await usedMebibytes(small)) + 1}m`, small]);
  await until((status) => status?.problem?.reason === 'DiskFull');
  await run('mount', ['-o', 'remount,size=400m', small]);
  await until((status) => status?.state === 'Ready');
  // A guest that was not let go on could not answer.
  await untilStatus(host, appliance, ({ vm, answers }) => vm.state === 'Running' && answers === true);
}

async function usedMebibytes(folder: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(folder);
  return Math.ceil(((blocks - bfree) * bsize) / 1024 ** 2);
}

function untilStatus(host: TestHost, uuid: string, holds: (status: ApplianceStatus) => boolean) {
  return eventually(
    async () => {
      const status = await host.client.getAppliance(uuid);
      return status !== undefined && holds(status) ? status : undefined;
    },
    () => host.client.getAppliance(uuid),
    limitMs,
  );
}
