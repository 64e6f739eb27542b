import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApplianceStatus } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  OVERRIDES,
  PACE,
  putTemplate,
  QUICK,
  startHost,
  type TestHost,
  untilAvailable,
  untilGone,
  withDirectory,
  withHost,
} from './fixtures.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});

describe('an appliance on a host', () => {
  it('goes from its PUT to an available service, and to nothing by DELETE', async () => {
    await withHost(certificates, {}, async ({ client, layer, stateDir }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      const status = await untilAvailable(client, desired.uuid);
      expect(status.accessPoints).toEqual([`http://127.0.0.1:${status.endpoints[0]?.port}/`]);
      expect(status.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'Layers Done',
        'Ports Done',
        'Resize Done',
        'Disk Done',
        'Start Done',
        'Agent Done',
        'Network Done',
        'Configure Done',
        'Container Done',
        'Package Done',
        'Install Done',
        'Service Done',
      ]);
      expect(status.vm.state).toBe('Running');
      expect(await client.getConsole(desired.uuid, 100)).toContain('started');
      await client.deleteAppliance(desired.uuid);
      await untilGone(client, desired.uuid);
      expect(await readdir(join(stateDir, 'appliances'))).toEqual([]);
      expect(await client.deleteAppliance(desired.uuid)).toBeUndefined();
    });
  });

  for (const [address, prefixLength, url] of [
    ['10.0.8.4', 24, 'http://10.0.8.4/'],
    ['fd00:8::0:4', 64, 'http://[fd00:8::4]/'],
  ] as const) {
    it(`is reached at its own address ${address} on a bridge`, async () => {
      await withHost(certificates, {}, async ({ client, layer }) => {
        const ports = [{ name: 'http', guestPort: 80 }];
        const network = { mode: 'bridge', ports, address, prefixLength, dns: ['10.0.8.1'] } as const;
        const desired = applianceOf(layer, { network });
        await client.putAppliance(desired);
        const status = await untilAvailable(client, desired.uuid);
        expect(status.endpoints).toEqual([{ name: 'http', address, port: 80, guestPort: 80 }]);
        expect(status.accessPoints.map((each) => new URL(each).href)).toEqual([url]);
        const moved = { ...desired, generation: 2, network: { ...network, dns: [] } };
        await expect(client.putAppliance(moved)).rejects.toMatchObject({ problem: { reason: 'Immutable' } });
      });
    });
  }

  it('takes no time of its own while it waits for those before it on a host that starts one VM at a time', async () => {
    const times = { ...QUICK.times, start: 200 };
    const simulated = { ...QUICK, creationConcurrency: 1, times };
    await withHost(certificates, { simulated }, async ({ client, layer }) => {
      const wanted = ['a', 'b', 'c'].map((name) => applianceOf(layer, { name }));
      await Promise.all(wanted.map((desired) => client.putAppliance(desired)));
      const made = await Promise.all(wanted.map(({ uuid }) => untilAvailable(client, uuid)));
      const starts = made
        .flatMap(({ steps }) => steps.filter(({ name }) => name === 'Start'))
        .map(({ startedAt, seconds }) => ({ from: Date.parse(startedAt), ms: seconds * 1000 }))
        .sort((one, other) => one.from - other.from);
      const [first, , last] = starts;
      if (first === undefined || last === undefined) throw new Error('three were wanted');
      const spanMs = last.from + last.ms - first.from;
      // With its wait in it, their sum were twice the span; the turns themselves overlap by a delay of the machine at most.
      expect(starts.reduce((sum, { ms }) => sum + ms, 0)).toBeLessThan(1.5 * spanMs);
    });
  });

  it('is started again after its VM crashed, on the same disk and ports', async () => {
    await withHost(certificates, {}, async ({ client, layer, stateDir }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      const before = await untilAvailable(client, desired.uuid);
      await crash(stateDir, desired.uuid);
      const after = await untilStartedAgain(client, before);
      expect(after.endpoints).toEqual(before.endpoints);
      expect(stepOf(after, 'Disk')).toEqual(stepOf(before, 'Disk'));
    });
  });

  it('is stopped by powerState and started again by it', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      await client.putAppliance({ ...desired, generation: 2, powerState: 'Stopped' });
      const stopped = await eventually(async () => {
        const status = await client.getAppliance(desired.uuid);
        return status?.vm.state === 'Absent' && stepOf(status, 'Stop')?.state === 'Done' ? status : undefined;
      });
      expect(stopped).toMatchObject({ serviceState: 'VMUnavailable', accessPoints: [], generation: 2 });
      await client.putAppliance({ ...desired, generation: 3 });
      await untilAvailable(client, desired.uuid);
    });
  });

  it('gets a changed package in its running VM', async () => {
    await withHost(certificates, {}, async ({ client, layer, stateDir }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      const before = await untilAvailable(client, desired.uuid);
      const files = { 'index.html': Buffer.from('changed').toString('base64') };
      const service = { ...desired.service, package: { kind: 'files', files } } as const;
      await client.putAppliance({ ...desired, generation: 2, service });
      const guest = join(stateDir, 'appliances', desired.uuid, 'simulated-guest.json');
      await eventually(async () => (await readFile(guest, 'utf8')).includes('"changed"'));
      const after = await untilAvailable(client, desired.uuid);
      expect(after.vm).toEqual(before.vm);
    });
  });

  it('says what cannot change, and refuses older generations', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer, { generation: 5 });
      await client.putAppliance(desired);
      await expect(client.putAppliance({ ...desired, generation: 4 })).rejects.toMatchObject({
        status: 409,
        problem: { reason: 'OlderGeneration' },
      });
      const disk = { mode: 'Clone' } as const;
      await expect(client.putAppliance({ ...desired, generation: 6, disk })).rejects.toMatchObject({
        status: 409,
        problem: { reason: 'Immutable', field: '/disk' },
      });
      expect((await client.putAppliance(desired)).generation).toBe(5);
    });
  });

  it('is started again when its agent stays silent, with the end of its console in the message', async () => {
    const simulated = { ...QUICK, times: { ...QUICK.times, agent: 3000 } };
    // The problem is there for as long as the pause before the next try: long enough to be seen.
    const overrides = { ...OVERRIDES, pace: { ...PACE, backoff: { initialMs: 2000, maxMs: 2000 } } };
    await withHost(certificates, { simulated, overrides }, async ({ client, layer }) => {
      const desired = applianceOf(layer, { agentTimeoutSeconds: 0.1 });
      await client.putAppliance(desired);
      const failed = await eventually(async () => {
        const status = await client.getAppliance(desired.uuid);
        return status?.problem?.reason === 'AgentTimeout' ? status : undefined;
      });
      expect(failed.serviceState).toBe('VMUnavailable');
      expect(failed.problem?.message).toContain('simulated VM default.web-0');
      expect(failed.problem?.retryAt).toBeDefined();
      await client.putAppliance({ ...desired, generation: 2, agentTimeoutSeconds: 60 });
      await untilAvailable(client, desired.uuid);
    });
  });

  it('is left as it is when only its agent is silent after a restart of the daemon, and its service answers', async () => {
    await withDirectory(async (directory) => {
      const first = await startHost(directory, certificates);
      const desired = applianceOf(await putTemplate(first), { agentTimeoutSeconds: 0.1 });
      await first.client.putAppliance(desired);
      const before = await untilAvailable(first.client, desired.uuid);
      await first.close();
      const failures = [{ step: 'agent', message: 'silent' }] as const;
      const second = await startHost(directory, certificates, { simulated: { ...QUICK, failures } });
      try {
        const failed = await eventually(
          async () => {
            const status = await second.client.getAppliance(desired.uuid);
            return (stepOf(status, 'Agent')?.attempts ?? 0) > 2 ? status : undefined;
          },
          () => second.client.getAppliance(desired.uuid),
        );
        expect(failed.problem?.reason).toBe('AgentTimeout');
        expect(failed.problem?.message).toContain('its service does, so the VM is left as it is');
        expect(failed.vm).toEqual(before.vm);
      } finally {
        await second.close();
      }
      const third = await startHost(directory, certificates);
      try {
        expect((await untilAvailable(third.client, desired.uuid)).vm).toEqual(before.vm);
      } finally {
        await third.close();
      }
    });
  });

  it('survives the restart of its daemon: same VM, same ports, no flicker of its state', async () => {
    await withDirectory(async (directory) => {
      const first = await startHost(directory, certificates);
      const layer = await putTemplate(first);
      const desired = applianceOf(layer);
      await first.client.putAppliance(desired);
      const before = await untilAvailable(first.client, desired.uuid);
      await first.close();
      const second = await startHost(directory, certificates);
      try {
        const after = await second.client.getAppliance(desired.uuid);
        expect(after).toMatchObject({
          serviceState: 'ServiceAvailable',
          vm: before.vm,
          accessPoints: before.accessPoints,
          endpoints: before.endpoints,
        });
      } finally {
        await second.close();
      }
    });
  });

  it('is shown with a problem, untouched, while its files cannot be read; and goes on when they can', async () => {
    await withDirectory(async (directory) => {
      const first = await startHost(directory, certificates);
      const desired = applianceOf(await putTemplate(first));
      await first.client.putAppliance(desired);
      await untilAvailable(first.client, desired.uuid);
      await first.close();
      for (const file of ['record.json', 'desired.json']) {
        const path = join(first.stateDir, 'appliances', desired.uuid, file);
        const good = await readFile(path, 'utf8');
        await writeFile(path, '{"half');
        const again = await startHost(directory, certificates);
        try {
          const status = await again.client.getAppliance(desired.uuid);
          expect(status?.problem?.reason).toBe('RecordUnreadable');
          expect(status?.vm.state).toBe('Running');
          await writeFile(path, good);
          await untilAvailable(again.client, desired.uuid);
        } finally {
          await again.close();
        }
      }
    });
  });

  it('is left in peace, and said so, while its VM cannot be looked at; and goes on when it can', async () => {
    const said: { readonly msg: string }[] = [];
    const log = pino({ level: 'error' }, { write: (line) => said.push(JSON.parse(line)) });
    const pace = { ...PACE, watchMs: 3_600_000 };
    await withHost(certificates, { log, overrides: { ...OVERRIDES, pace } }, async (host) => {
      const { client, layer, stateDir } = host;
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      const path = join(stateDir, 'appliances', desired.uuid, 'simulated-vm.json');
      const good = await readFile(path, 'utf8');
      await writeFile(path, '{"half');
      await client.putAppliance({ ...desired, generation: 2 });
      await eventually(
        async () => (await client.getAppliance(desired.uuid))?.problem?.reason === 'InternalError',
        () => client.getAppliance(desired.uuid),
      );
      // Time enough for a loop without a pause to go round many times.
      for (let asked = 0; asked < 50; asked += 1) await client.getHost();
      expect(said.map(({ msg }) => msg)).toEqual(['the loop of an appliance failed']);
      await writeFile(path, good);
      await client.putAppliance({ ...desired, generation: 3 });
      await untilAvailable(client, desired.uuid);
    });
  });

  it('is not given an empty disk in place of one that was lost', async () => {
    await withHost(certificates, {}, async ({ client, layer, stateDir }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      await rm(join(stateDir, 'appliances', desired.uuid, 'disk.qcow2'));
      await crash(stateDir, desired.uuid);
      await eventually(
        async () => (await client.getAppliance(desired.uuid))?.problem?.reason === 'DiskMissing',
        () => client.getAppliance(desired.uuid),
      );
    });
  });
});

/** What a hypervisor would say of a VM that died. */
async function crash(stateDir: string, uuid: string): Promise<void> {
  const path = join(stateDir, 'appliances', uuid, 'simulated-vm.json');
  const vm = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...vm, state: 'Crashed' }));
}

async function untilStartedAgain(client: TestHost['client'], before: ApplianceStatus) {
  return eventually(
    async () => {
      const status = await client.getAppliance(before.uuid);
      const again = status?.vm.startedAt !== before.vm.startedAt;
      return again && status?.serviceState === 'ServiceAvailable' ? status : undefined;
    },
    () => client.getAppliance(before.uuid),
  );
}

function stepOf(status: ApplianceStatus | undefined, name: string) {
  return status?.steps.find((step) => step.name === name);
}
