import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { HostClient } from '../../../src/host/client.ts';
import {
  type DesiredAppliance,
  type DesiredImport,
  hostServerName,
  OPERATOR_ORGANIZATION,
  type StepName,
  type StepStatus,
} from '../../../src/host/protocol.ts';
import { openStream, type StreamConnection } from '../../../src/host/stream-client.ts';
import { createCa, issueCertificate } from '../../../src/main/certificates.ts';
import { type HostdConfig, runHostd } from '../../../src/main/hostd.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';

export const HOST = 'host-a';

export type Certificates = {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly operator: { readonly cert: string; readonly key: string };
  readonly stranger: { readonly cert: string; readonly key: string };
};

/** An authority, a daemon's certificate, an operator's, and one of somebody who is none. */
export async function createCertificates(): Promise<Certificates> {
  const now = Date.now();
  const ca = await createCa({ commonName: 'test', days: 1, now });
  const dnsNames = [hostServerName(HOST)];
  const common = { days: 1, now };
  return {
    ca: ca.cert,
    server: await issueCertificate(ca, { ...common, commonName: HOST, dnsNames, usage: 'both' }),
    operator: await issueCertificate(ca, {
      ...common,
      commonName: 'operator',
      organizations: [OPERATOR_ORGANIZATION],
      usage: 'client',
    }),
    stranger: await issueCertificate(ca, {
      ...common,
      commonName: 'stranger',
      organizations: ['others'],
      usage: 'client',
    }),
  };
}

/** Fast enough for tests, slow enough that something can be interrupted. */
export const QUICK: NonNullable<HostdConfig['simulated']> = {
  creationConcurrency: 4,
  times: {
    convert: 5,
    overlay: 5,
    clone: 20,
    start: 30,
    agent: 20,
    exec: 2,
    writeFile: 2,
    service: 10,
    shutdown: 5,
  },
};

export const PACE: NonNullable<NonNullable<HostdConfig['overrides']>['pace']> = {
  watchMs: 100,
  pollMs: 10,
  questionMs: 200,
  shutdownMs: 2000,
  containerMs: 5000,
  backoff: { initialMs: 20, maxMs: 200 },
};

export const OVERRIDES: NonNullable<HostdConfig['overrides']> = {
  pace: PACE,
  reserveBytes: 0,
  measureMs: 500,
  heartbeatMs: 100,
};

/** Of a daemon with real VMs: to look at one takes more than a pause of `PACE`, so that it would do nothing else. */
export const AMONG_VMS: NonNullable<HostdConfig['overrides']> = {
  ...OVERRIDES,
  pace: { ...PACE, watchMs: 500, pollMs: 50 },
  measureMs: 1000,
};

export function configOf(
  stateDir: string,
  certificates: Certificates,
  change: Partial<HostdConfig> = {},
): HostdConfig {
  return {
    name: HOST,
    listen: { host: '127.0.0.1', port: 0 },
    stateDir,
    driver: 'simulated',
    capacity: {},
    fileRoots: [tmpdir()],
    tls: { ...certificates.server, clientCa: certificates.ca },
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    simulated: QUICK,
    overrides: OVERRIDES,
    ...change,
  };
}

export function clientOf(url: string, { ca, operator }: Certificates, who = operator): HostClient {
  return new HostClient({ hostName: HOST, url, ca, ...who });
}

/** Opens a stream of the daemon, below `/v1/appliances/`. */
export function streamOf(
  url: string,
  { ca, operator }: Certificates,
  path: string,
  who = operator,
): Promise<StreamConnection> {
  const tls = { ca, ...who, servername: hostServerName(HOST) };
  return openStream({ url: new URL(`/v1/appliances/${path}`, url), tls });
}

/** A folder that is removed again after the work. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'coppice-hostd-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A file to fetch a layer or package from. */
export async function sourceFile(directory: string, name: string, content: string | Buffer) {
  const path = join(directory, name);
  await writeFile(path, content);
  return { url: pathToFileURL(path).href, sha256: createHash('sha256').update(content).digest('hex') };
}

export function applianceOf(layer: string, change: Partial<DesiredAppliance> = {}): DesiredAppliance {
  return {
    uuid: randomUUID(),
    generation: 1,
    namespace: 'default',
    name: 'web-0',
    powerState: 'Running',
    layer,
    boot: { kind: 'firmware' },
    disk: { mode: 'Incremental' },
    resources: { cpuMillis: 500, memoryBytes: 128 * 1024 * 1024 },
    network: { mode: 'user', ports: [{ name: 'http', guestPort: 80 }] },
    service: {
      name: 'web',
      container: { type: 'static-site', port: 80, documentRoot: '/var/www' },
      package: { kind: 'files', files: { 'index.html': Buffer.from('hello').toString('base64') } },
      parameters: {},
    },
    agentTimeoutSeconds: 60,
    serviceTimeoutSeconds: 60,
    ...change,
  };
}

const SHORTEST_PAUSE_MS = 10;
const PATIENCE_MS = 100_000;

/** Asks until the answer is there, less and less often; rejects, with the last state of things, when that takes too long. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false>,
  describe: () => Promise<unknown> = async () => 'nothing more is known',
  timeoutMs = PATIENCE_MS,
  longestPauseMs = 50,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = SHORTEST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.2, longestPauseMs)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`it never came to pass: ${JSON.stringify(await describe())}`);
    await delay(pauseMs);
  }
}

export async function untilAvailable(client: HostClient, uuid: string) {
  return eventually(
    async () => {
      const status = await client.getAppliance(uuid);
      return status?.serviceState === 'ServiceAvailable' && status.problem === undefined ? status : undefined;
    },
    () => client.getAppliance(uuid),
  );
}

export async function untilInStep(client: HostClient, uuid: string, step: StepName) {
  await eventually(
    async () => {
      const status = await client.getAppliance(uuid);
      // An appliance asks again and again whether its layers are here.
      const lasts = ({ state }: StepStatus) =>
        state === 'Running' || (step === 'Layers' && state === 'Failed');
      return status?.steps.some((one) => one.name === step && lasts(one));
    },
    () => client.getAppliance(uuid),
    PATIENCE_MS,
    SHORTEST_PAUSE_MS,
  );
}

export async function untilGone(client: HostClient, uuid: string) {
  await eventually(
    async () => (await client.getAppliance(uuid)) === undefined,
    () => client.getAppliance(uuid),
  );
}

/** A daemon on a state directory below `directory`, and a client of it. */
export async function startHost(
  directory: string,
  certificates: Certificates,
  change: Partial<HostdConfig> = {},
) {
  const stateDir = join(directory, 'state');
  const daemon = await runHostd(configOf(stateDir, certificates, change));
  const client = clientOf(daemon.url, certificates);
  const close = async () => {
    await client.close();
    await daemon.close();
  };
  return { directory, stateDir, daemon, client, close };
}

export type TestHost = Awaited<ReturnType<typeof startHost>>;

/** Has the host import a file; resolves with the layer that it became. */
export async function importFile(
  client: Pick<HostClient, 'putImport'>,
  { sha256, url }: { readonly sha256: string; readonly url: string },
  { kind = 'disk', template = 'default/debian' }: Partial<Pick<DesiredImport, 'kind' | 'template'>> = {},
): Promise<string> {
  const ask = () => client.putImport(sha256, { kind, url, template });
  return await eventually(async () => (await ask()).identity, ask, 120_000);
}

/** Gives the host a small template; resolves with its layer. */
export async function putTemplate({ directory, client }: Pick<TestHost, 'directory' | 'client'>) {
  return await importFile(client, await sourceFile(directory, 'template.img', aBootableDisk('debian')));
}

/** A daemon with a template, ended after the work. */
export async function withHost(
  certificates: Certificates,
  change: Partial<HostdConfig>,
  work: (host: TestHost & { readonly layer: string }) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const host = await startHost(directory, certificates, change);
    try {
      await work({ ...host, layer: await putTemplate(host) });
    } finally {
      await host.close();
    }
  });
}
