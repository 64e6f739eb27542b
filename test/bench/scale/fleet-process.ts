/**
 * The daemons of many hosts in one process, with the simulated driver; everything else of them is real. Told by its parent
 * what to do, and ends with it.
 */
import { subscribe } from 'node:diagnostics_channel';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../../src/host/protocol.ts';
import type { HostDaemon } from '../../../src/hostd/daemon.ts';
import { createCa, issueCertificate, type KeyPair } from '../../../src/main/certificates.ts';
import { type HostdConfig, runHostd } from '../../../src/main/hostd.ts';
import { answerParent } from './parts.ts';

const GIBI = 1024 ** 3;
const DAYS = 1;
/** How many daemons start or end at the same time. */
const WIDTH = 50;
const log = pino({ level: 'fatal' });

/** What the parent asks for, and what it gets. */
export interface FleetCalls {
  start: (plan: FleetPlan) => Promise<Fleet>;
  /** Ends every daemon and starts it again at its address. */
  restart: () => Promise<void>;
  /** uuid to the boot of its VM, as it stands on the hosts' disks. */
  boots: () => Promise<Readonly<Record<string, string>>>;
  /** Requests that the daemons got so far, by method and path. */
  requests: () => Promise<Readonly<Record<string, number>>>;
}

export interface FleetPlan {
  readonly directory: string;
  readonly hosts: number;
  /** How long the creation of a VM takes, one at a time on each host. */
  readonly startMs: number;
}

export interface Fleet {
  readonly addresses: Readonly<Record<string, string>>;
  /** What an operator needs to speak to them, PEM. */
  readonly operatorTls: { readonly ca: string; readonly cert: string; readonly key: string };
}

const running = new Map<string, { config: HostdConfig; daemon: HostDaemon }>();
const requests = new Map<string, number>();
let directory = '';

subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  const path = (request.url ?? '').replaceAll(/[0-9a-f]{64}|[0-9a-f-]{36}/g, ':id').replace(/\?.*/, '');
  const key = `${request.method} ${path}`;
  requests.set(key, (requests.get(key) ?? 0) + 1);
});

async function start(plan: FleetPlan): Promise<Fleet> {
  directory = plan.directory;
  const now = Date.now();
  const ca = await createCa({ commonName: 'bench', days: DAYS, now });
  const names = Array.from({ length: plan.hosts }, (_, index) => `host-${String(index).padStart(4, '0')}`);
  await inGroups(names, async (name) => {
    const config = await configOf(name, ca, plan.startMs);
    running.set(name, { config, daemon: await runHostd(config) });
  });
  const operator = await issueCertificate(ca, {
    commonName: 'operator',
    organizations: [OPERATOR_ORGANIZATION],
    usage: 'client',
    days: DAYS,
    now,
  });
  const addresses = Object.fromEntries([...running].map(([name, { daemon }]) => [name, daemon.url]));
  return { addresses, operatorTls: { ca: ca.cert, ...operator } };
}

async function configOf(name: string, ca: KeyPair, startMs: number): Promise<HostdConfig> {
  const dnsNames = [hostServerName(name)];
  const request = { commonName: name, dnsNames, usage: 'both', days: DAYS, now: Date.now() } as const;
  const keys = await issueCertificate(ca, request);
  const none = { convert: 0, overlay: 0, clone: 0, agent: 0, exec: 0, writeFile: 0, service: 0, shutdown: 0 };
  return {
    name,
    listen: { host: '127.0.0.1', port: 0 },
    stateDir: join(directory, name),
    driver: 'simulated',
    capacity: { cpuMillis: 64_000, memoryBytes: 64 * GIBI },
    fileRoots: [tmpdir()],
    tls: { ...keys, clientCa: ca.cert },
    log,
    simulated: { creationConcurrency: 1, times: { ...none, start: startMs } },
    // Below and above the ports that the kernel gives to outgoing connections.
    overrides: { portRange: { first: 10_000, last: 32_000 } },
  };
}

async function restart(): Promise<void> {
  await Promise.all([...running.values()].map(({ daemon }) => daemon.close()));
  await inGroups([...running.keys()], async (name) => {
    const before = running.get(name);
    if (before === undefined) return;
    const config = { ...before.config, listen: { host: '127.0.0.1', port: before.daemon.port } };
    running.set(name, { config, daemon: await runHostd(config) });
  });
}

async function boots(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const host of running.keys()) {
    const root = join(directory, host, 'appliances');
    for (const uuid of await readdir(root)) {
      const vm = JSON.parse(await readFile(join(root, uuid, 'simulated-vm.json'), 'utf8')) as {
        bootId: string;
      };
      found[uuid] = vm.bootId;
    }
  }
  return found;
}

async function inGroups<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += WIDTH) await Promise.all(items.slice(at, at + WIDTH).map(work));
}

answerParent<FleetCalls>(
  { start, restart, boots, requests: async () => Object.fromEntries(requests) },
  async () => {
    await Promise.all([...running.values()].map(({ daemon }) => daemon.close()));
  },
);
