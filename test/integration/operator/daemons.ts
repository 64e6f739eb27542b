import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { HostClient } from '../../../src/host/client.ts';
import { type DesiredAppliance, hostServerName, OPERATOR_ORGANIZATION } from '../../../src/host/protocol.ts';
import type { HostDaemon } from '../../../src/hostd/daemon.ts';
import { readGuestFiles } from '../../../src/hostd/drivers/simulated/vm-file.ts';
import { createCa, issueCertificate, type KeyPair } from '../../../src/main/certificates.ts';
import { type HostdConfig, runHostd } from '../../../src/main/hostd.ts';
import { eventually } from './eventually.ts';

const GIBI = 1024 ** 3;

/** Whose guest gets this address never comes to an end of setting its network; none of the examples' pools has it. */
export const STUCK_ADDRESS = '10.0.8.199';

/** A simulated host that is quick, yet slow enough that something can come in between. */
const QUICK: NonNullable<HostdConfig['simulated']> = {
  creationConcurrency: 2,
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
  failures: [{ step: 'exec', of: ` ${STUCK_ADDRESS} `, hangs: true, message: 'it hangs' }],
};

/** How often a host says how it is. */
export const HEARTBEAT_MS = 200;

const OVERRIDES: NonNullable<HostdConfig['overrides']> = {
  pace: {
    watchMs: 250,
    pollMs: 20,
    questionMs: 200,
    shutdownMs: 2000,
    containerMs: 5000,
    backoff: { initialMs: 20, maxMs: 200 },
  },
  reserveBytes: 0,
  measureMs: 1000,
  heartbeatMs: HEARTBEAT_MS,
};

const quiet = pino({ level: process.env.TEST_LOG ?? 'silent' });

export interface Capacity {
  readonly cpuMillis?: number;
  readonly memoryBytes?: number;
}

/** Hosts with the simulated driver, in this process, with an authority of their own. */
export class Daemons {
  readonly #directory: string;
  readonly #ca: KeyPair;
  readonly #operator: KeyPair;
  readonly #running = new Map<string, { readonly config: HostdConfig; readonly daemon: HostDaemon }>();

  readonly #log: Logger;

  private constructor(directory: string, ca: KeyPair, operator: KeyPair, log: Logger) {
    this.#directory = directory;
    this.#ca = ca;
    this.#operator = operator;
    this.#log = log;
  }

  static async create(directory: string, log = quiet): Promise<Daemons> {
    const ca = await createCa({ commonName: 'test', days: 1, now: Date.now() });
    return new Daemons(directory, ca, await issueFor(ca, 'operator'), log);
  }

  /** What one operator of several needs to speak to them, by a certificate of its own. */
  async tlsOf(
    operator: string,
  ): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
    return { ca: this.#ca.cert, ...(await issueFor(this.#ca, operator)) };
  }

  /** What an operator needs to speak to them. */
  get operatorTls(): { readonly ca: string; readonly cert: string; readonly key: string } {
    return { ca: this.#ca.cert, ...this.#operator };
  }

  /** Starts a daemon with 16 cores and 16 GiB, or as told; returns its address. */
  async start(
    name: string,
    capacity: Capacity,
    more: Pick<HostdConfig, 'sharedDirectory'> = {},
  ): Promise<string> {
    const all = { cpuMillis: 16_000, memoryBytes: 16 * GIBI, ...capacity };
    const config = { ...(await this.#configOf(name, all)), ...more };
    const daemon = await runHostd(config);
    this.#running.set(name, { config, daemon });
    return daemon.url;
  }

  /** The daemon ends, its VMs live on. */
  async stop(name: string): Promise<void> {
    await this.#get(name).daemon.close();
  }

  /** The daemon is back, at the same address. */
  async restart(name: string): Promise<void> {
    const { config: before, daemon } = this.#get(name);
    const config = { ...before, listen: { host: '127.0.0.1', port: daemon.port } };
    this.#running.set(name, { config, daemon: await runHostd(config) });
  }

  /** Ends the daemon for good. */
  async remove(name: string): Promise<void> {
    await this.stop(name);
    this.#running.delete(name);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
  }

  /** Names of the appliances that a daemon itself says it has. */
  async appliancesOn(host: string): Promise<readonly string[]> {
    return await this.#ask(host, async (client) =>
      (await client.listAppliances()).map(({ name }) => name).sort(),
    );
  }

  /** All that a daemon says of itself and its appliances. */
  async answersOf(host: string): Promise<unknown> {
    return await this.#ask(host, async (client) => [await client.getHost(), await client.listAppliances()]);
  }

  /** Names of the layers that a daemon itself says it has. */
  async layersOn(host: string): Promise<readonly string[]> {
    return await this.#ask(host, async (client) =>
      (await client.listLayers()).map(({ identity }) => identity),
    );
  }

  /** Digests of the files that a daemon itself says it imports, or has imported. */
  async importsOn(host: string): Promise<readonly string[]> {
    return await this.#ask(host, async (client) => {
      const { imports = [] } = await client.getHost();
      return imports.map(({ sha256 }) => sha256);
    });
  }

  /** Has a host make a layer of an appliance's disk, for a template that nobody knows; resolves with that layer. */
  async sealOn(host: string, appliance: string): Promise<string> {
    const uuid = randomUUID();
    return await this.#ask(host, async (client) => {
      await client.putSeal(uuid, { kind: 'appliance', appliance });
      return await eventually('the host has made the layer', async () => {
        const { identity } = (await client.getHost()).seals?.find((seal) => seal.uuid === uuid) ?? {};
        if (identity === undefined) throw new Error('it is not there yet');
        return identity;
      });
    });
  }

  /** The seals that a daemon itself says it has. */
  async sealsOn(host: string): Promise<readonly string[]> {
    return await this.#ask(host, async (client) =>
      ((await client.getHost()).seals ?? []).map(({ uuid }) => uuid),
    );
  }

  /** What was written into the guest of a simulated VM into a file of that name. */
  async guestFile(host: string, uuid: string, name: string): Promise<string | undefined> {
    const files = await readGuestFiles(join(this.#get(host).config.stateDir, 'appliances', uuid));
    return Object.entries(files).find(([path]) => path.endsWith(`/${name}`))?.[1].text;
  }

  /** What a daemon keeps of an appliance's desired state. */
  async desiredOn(host: string, uuid: string): Promise<DesiredAppliance> {
    const path = join(this.#get(host).config.stateDir, 'appliances', uuid, 'desired.json');
    return JSON.parse(await readFile(path, 'utf8')) as DesiredAppliance;
  }

  /** Has a host take away an appliance that nobody else knows. */
  async removeFrom(host: string, name: string): Promise<void> {
    await eventually(`${name} is gone from ${host}`, async () => {
      const left = await this.#ask(host, async (client) => {
        const found = (await client.listAppliances()).find((appliance) => appliance.name === name);
        return found === undefined ? undefined : await client.deleteAppliance(found.uuid);
      });
      if (left !== undefined) throw new Error('it is still there');
    });
  }

  async #ask<Answer>(host: string, question: (client: HostClient) => Promise<Answer>): Promise<Answer> {
    const { url } = this.#get(host).daemon;
    const client = new HostClient({ hostName: host, url, ...this.operatorTls });
    try {
      return await question(client);
    } finally {
      await client.close();
    }
  }

  #get(name: string): { readonly config: HostdConfig; readonly daemon: HostDaemon } {
    const found = this.#running.get(name);
    if (found === undefined) throw new Error(`there is no host ${name}`);
    return found;
  }

  async #configOf(name: string, capacity: Required<Capacity>): Promise<HostdConfig> {
    const dnsNames = [hostServerName(name)];
    const request = { commonName: name, dnsNames, usage: 'both', days: 1, now: Date.now() } as const;
    const keys = await issueCertificate(this.#ca, request);
    return {
      name,
      listen: { host: '127.0.0.1', port: 0 },
      stateDir: join(this.#directory, name),
      driver: 'simulated',
      capacity,
      fileRoots: [tmpdir()],
      tls: { ...keys, clientCa: this.#ca.cert },
      log: this.#log,
      simulated: QUICK,
      overrides: OVERRIDES,
    };
  }
}

async function issueFor(ca: KeyPair, commonName: string): Promise<KeyPair> {
  const organizations = [OPERATOR_ORGANIZATION];
  return await issueCertificate(ca, { commonName, organizations, usage: 'client', days: 1, now: Date.now() });
}
