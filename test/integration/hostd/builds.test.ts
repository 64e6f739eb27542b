import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance, DesiredBuildStep } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  QUICK,
  type TestHost,
  withHost,
} from './fixtures.ts';

const seconds = { timeoutSeconds: 60 };
const run: DesiredBuildStep = { kind: 'run', script: 'true', ...seconds };
const copy: DesiredBuildStep = {
  kind: 'copy',
  content: { kind: 'files', files: { a: 'b25l', 'b/c': 'dHdv' } },
  to: '/srv/folder',
  ...seconds,
};

/** Resolves with the status of which `holds` is true. */
function until(
  { client }: Pick<TestHost, 'client'>,
  uuid: string,
  holds: (status: ApplianceStatus) => boolean | undefined,
): Promise<ApplianceStatus> {
  return eventually(
    async () => {
      const status = await client.getAppliance(uuid);
      return status !== undefined && holds(status) ? status : undefined;
    },
    () => client.getAppliance(uuid),
  );
}

const builds = (layer: string, steps: readonly DesiredBuildStep[]): DesiredAppliance =>
  applianceOf(layer, { build: { steps, clean: [] }, network: { mode: 'user', ports: [] } });

describe('a daemon that builds', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await createCertificates();
  });

  it('ends with a VM that is off, and starts it no more', async () => {
    await withHost(certificates, {}, async (host) => {
      const desired = builds(host.layer, [run, copy, { kind: 'reboot', ...seconds }, run]);
      await host.client.putAppliance(desired);
      const built = await until(host, desired.uuid, ({ build }) => build?.state === 'Built');
      expect(built).toMatchObject({ vm: { state: 'Absent' }, build: { step: 5, steps: 4, attempt: 1 } });
      const log = await host.client.getBuildLog(desired.uuid, 10_000);
      expect(log).toContain(
        '[coppice] step 2 of 4: copy to /srv/folder\n/srv/folder/a: 3 bytes\n/srv/folder/b/c: 3 bytes\n',
      );
      expect(log).toContain('[coppice] step 3 of 4: reboot');
      await host.client.putAppliance({ ...desired, generation: 2 });
      await until(host, desired.uuid, ({ stateGeneration }) => stateGeneration === 2);
      expect(await host.client.getAppliance(desired.uuid)).toMatchObject({ vm: { state: 'Absent' } });
    });
  });

  it('begins again when its guest starts again by itself', async () => {
    const slow = { ...QUICK, times: { ...QUICK.times, exec: 100 } };
    await withHost(certificates, { simulated: slow }, async (host) => {
      const desired = builds(host.layer, [run, run, run]);
      await host.client.putAppliance(desired);
      await until(host, desired.uuid, ({ build }) => build?.step === 2);
      await change(host, desired.uuid, { bootId: 'another' });
      await until(host, desired.uuid, ({ build }) => build?.attempt === 2);
      await until(host, desired.uuid, ({ build }) => build?.state === 'Built');
      expect(await host.client.getBuildLog(desired.uuid, 10_000)).toContain('begins again on a new disk');
    });
  });

  it('gives up when its VM ends again and again', async () => {
    const slow = { ...QUICK, times: { ...QUICK.times, exec: 100 } };
    await withHost(certificates, { simulated: slow }, async (host) => {
      const desired = builds(host.layer, [run]);
      await host.client.putAppliance(desired);
      for (const attempt of [1, 2, 3, 4, 5]) {
        const isAtWork = ({ build, vm, steps }: ApplianceStatus) =>
          build?.attempt === attempt &&
          vm.state === 'Running' &&
          steps.some(({ name, state }) => name === 'Build' && state === 'Running');
        await until(host, desired.uuid, isAtWork);
        await change(host, desired.uuid, { state: 'Crashed' });
      }
      const failed = await until(
        host,
        desired.uuid,
        ({ build, problem }) => build?.state === 'Failed' && problem?.reason === 'BuildInterrupted',
      );
      expect(failed.build).toMatchObject({ attempt: 5, failure: { reason: 'BuildInterrupted' } });
      expect(failed.problem?.retryAt).toBeUndefined();
    });
  });

  it('has no log of appliances that build nothing', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await expect(client.getBuildLog(desired.uuid, 10)).rejects.toMatchObject({ status: 409 });
    });
  });
});

/** Has the VM be another one, as if it had died, say. */
async function change({ stateDir }: TestHost, uuid: string, how: object): Promise<void> {
  const path = join(stateDir, 'appliances', uuid, 'simulated-vm.json');
  const vm = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...vm, ...how }));
}
