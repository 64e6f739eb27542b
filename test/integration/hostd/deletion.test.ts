import { readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DesiredAppliance, StepName } from '../../../src/host/protocol.ts';
import { SET_NETWORK } from '../../../src/hostd/guest/network.ts';
import type { HostdConfig } from '../../../src/main/hostd.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  QUICK,
  untilGone,
  withHost,
} from './fixtures.ts';

let certificates: Certificates;
/** Answers every request with the first bytes of something that never goes on. */
let stalling: Server;
let stallingUrl: string;

beforeAll(async () => {
  certificates = await createCertificates();
  stalling = createServer((_, response) => {
    response.writeHead(200, { 'content-length': '1000000' });
    response.write('the first bytes');
  });
  await new Promise<void>((resolve) => stalling.listen(0, '127.0.0.1', resolve));
  stallingUrl = `http://127.0.0.1:${(stalling.address() as AddressInfo).port}/slow`;
});

afterAll(() => {
  stalling.closeAllConnections();
  stalling.close();
});

const MISSING = 'f'.repeat(64);
const LONG_MS = 3_600_000;
const slow = (times: NonNullable<HostdConfig['simulated']>['times']) => ({
  ...QUICK,
  times: { ...QUICK.times, ...times },
});
const hanging = (step: 'exec' | 'writeFile', of: string) => ({
  ...QUICK,
  failures: [{ step, of, hangs: true, message: 'it hangs' }],
});

type Scene = {
  /** The step in the middle of which the appliance is deleted. */
  readonly step: StepName;
  readonly state?: 'Failed';
  readonly simulated?: HostdConfig['simulated'];
  readonly change?: (desired: DesiredAppliance) => Partial<DesiredAppliance>;
};

const scenes: readonly Scene[] = [
  { step: 'Layers', change: () => ({ layer: MISSING }) },
  { step: 'Disk', simulated: slow({ clone: LONG_MS }), change: () => ({ disk: { mode: 'Clone' } }) },
  { step: 'Disk', simulated: slow({ overlay: 300 }) },
  { step: 'Start', simulated: slow({ start: LONG_MS }) },
  { step: 'Agent', simulated: slow({ agent: LONG_MS }), change: () => ({ agentTimeoutSeconds: 3600 }) },
  {
    step: 'Network',
    simulated: hanging('exec', SET_NETWORK),
    change: () => ({
      network: { mode: 'bridge', ports: [], address: '10.0.8.10', prefixLength: 24, dns: [] },
    }),
  },
  { step: 'Configure', simulated: hanging('exec', '/etc/coppice/env') },
  { step: 'Container', simulated: slow({ container: LONG_MS }) },
  {
    step: 'Package',
    change: ({ service }) => ({
      service: { ...service, package: { kind: 'archive', url: stallingUrl, sha256: MISSING } },
    }),
  },
  { step: 'Install', simulated: hanging('writeFile', 'index.html') },
  { step: 'Service', simulated: slow({ service: LONG_MS }), change: () => ({ serviceTimeoutSeconds: 3600 }) },
];

describe('deleting an appliance in the middle of a step', () => {
  for (const { step, simulated, change } of scenes) {
    it(`leaves nothing of it, in ${step}`, async () => {
      const config = simulated === undefined ? {} : { simulated };
      await withHost(certificates, config, async ({ client, layer, stateDir }) => {
        await client.putLayer(MISSING, { kind: 'disk', url: stallingUrl, template: 'default/slow' });
        const plain = applianceOf(layer);
        const desired = { ...plain, ...change?.(plain) };
        await client.putAppliance(desired);
        await eventually(
          async () => {
            const status = await client.getAppliance(desired.uuid);
            return status?.steps.some(({ name, state }) => name === step && state === 'Running');
          },
          () => client.getAppliance(desired.uuid),
        );
        await client.deleteAppliance(desired.uuid);
        await untilGone(client, desired.uuid);
        expect(await readdir(join(stateDir, 'appliances'))).toEqual([]);
        expect((await client.getLayer(layer))?.heldBy).toEqual([]);
        await client.deleteLayer(MISSING);
        await client.deleteLayer(layer);
        expect(await readdir(join(stateDir, 'layers'))).toEqual([]);
      });
    });
  }

  it('works while it waits for a port, and then frees nobody else’s', async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      await withHost(certificates, {}, async ({ client, layer }) => {
        const ports = [{ name: 'http', guestPort: 80, hostPort: port }];
        const desired = applianceOf(layer, { network: { mode: 'user', ports } });
        await client.putAppliance(desired);
        const problem = await eventually(async () => (await client.getAppliance(desired.uuid))?.problem);
        expect(problem.reason).toBe('PortInUse');
        expect(problem.message).toContain(`(process ${process.pid})`);
        await client.deleteAppliance(desired.uuid);
        await untilGone(client, desired.uuid);
      });
    } finally {
      other.close();
    }
  });

  it('refuses to create it anew before it is gone', async () => {
    const simulated = slow({ shutdown: 300 });
    await withHost(certificates, { simulated }, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await eventually(
        async () => (await client.getAppliance(desired.uuid))?.serviceState === 'ServiceAvailable',
      );
      const going = await client.deleteAppliance(desired.uuid);
      expect(going?.deleting).toBe(true);
      await expect(client.putAppliance(desired)).rejects.toMatchObject({
        status: 409,
        problem: { reason: 'Deleting' },
      });
      await untilGone(client, desired.uuid);
      await client.putAppliance(desired);
    });
  });
});
