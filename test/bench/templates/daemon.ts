import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HostClient } from '../../../src/host/client.ts';
import type { HostEvent } from '../../../src/host/protocol.ts';
import type { Fleet, HostName } from '../../integration/hostd/transfer/fixtures.ts';
import { type Part, startPart } from '../scale/parts.ts';
import type { DaemonCalls } from './daemon-process.ts';
import type { Image } from './image.ts';

const MODULE = new URL('daemon-process.ts', import.meta.url);

/** A host's daemon in a process of its own, as the operator speaks to it. */
export class Daemon {
  readonly name: HostName;
  readonly url: string;
  readonly stateDir: string;
  readonly client: HostClient;
  readonly #part: Part<DaemonCalls>;

  private constructor(facts: Pick<Daemon, 'name' | 'url' | 'stateDir' | 'client'>, part: Part<DaemonCalls>) {
    this.name = facts.name;
    this.url = facts.url;
    this.stateDir = facts.stateDir;
    this.client = facts.client;
    this.#part = part;
  }

  static async start(folder: string, name: HostName, { hosts, ca, operator }: Fleet): Promise<Daemon> {
    const stateDir = join(folder, name);
    await mkdir(stateDir, { recursive: true });
    const part = startPart<DaemonCalls>(MODULE);
    const url = await part.call('start', { name, stateDir, tls: { ...hosts[name], clientCa: ca } });
    const client = new HostClient({ hostName: name, url, ca, ...operator });
    return new Daemon({ name, url, stateDir, client }, part);
  }

  get pid(): number {
    return this.#part.pid;
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.#part.stop();
  }

  /** From the request to the moment in which the host says that the image is a layer. Resolves with the layer's name. */
  async import({ path, sha256 }: Image): Promise<string> {
    const url = pathToFileURL(path).href;
    await this.client.putImport(sha256, { kind: 'disk', url, template: 'default/bench' });
    return await this.#until((event) => {
      if (event.type !== 'import' || event.import.sha256 !== sha256) return undefined;
      const { identity, problem } = event.import;
      if (problem !== undefined) throw new Error(`${this.name} cannot import: ${problem.message}`);
      return identity;
    });
  }

  /** From the request to the moment in which the host says that it has the layer. */
  async fetch(identity: string, from: Daemon): Promise<void> {
    await from.client.putLayer(identity, { peers: [], readers: [this.name] });
    await this.client.putLayer(identity, { peers: [{ host: from.name, url: from.url }], readers: [] });
    await this.#until((event) => {
      if (event.type !== 'layer' || event.layer.identity !== identity) return undefined;
      const { state, problem } = event.layer;
      if (problem !== undefined) throw new Error(`${this.name} cannot fetch: ${problem.message}`);
      return state === 'Ready' ? true : undefined;
    });
  }

  async #until<T>(seen: (event: HostEvent) => T | undefined): Promise<T> {
    const enough = new AbortController();
    try {
      // The stream begins with the state of everything, so nothing is missed.
      for await (const { event } of this.client.events(undefined, enough.signal)) {
        const found = seen(event);
        if (found !== undefined) return found;
      }
    } finally {
      enough.abort();
    }
    throw new Error(`${this.name} tells no more`);
  }
}
