import { setTimeout as delay } from 'node:timers/promises';
import { creationTimeOf } from '../../../controllers/memory/creation-times.ts';
import type { CreationTime } from '../../../src/domain/timing/prediction.ts';
import { HostClient } from '../../../src/host/client.ts';
import {
  type ApplianceStatus,
  type HostEvent,
  hostServerName,
  type StepName,
} from '../../../src/host/protocol.ts';
import { issueCertificate, type KeyPair } from '../../../src/main/certificates.ts';
import { XenBed } from '../../xen/bed.ts';
import { Dom0 } from '../../xen/dom0.ts';

const RECONNECT_MS = 200;

/** Room for five VMs of 128 MiB, and one more, beside dom0. */
const SIZE = { memoryMiB: 2560, dom0MemoryMiB: 1024 } as const;

/** Who signs the daemon's certificate, and as whom to speak to it. */
export interface Authority {
  readonly ca: KeyPair;
  readonly operator: KeyPair;
}

/** A dom0 with the daemon in it, and what the daemon tells of its appliances: told, not asked for, as asking takes its time. */
export class XenHost {
  readonly name: string;
  readonly url: string;
  readonly bed: XenBed;
  readonly #client: HostClient;
  readonly #appliances = new Map<string, ApplianceStatus>();
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
  #lastFailure: unknown;

  private constructor(name: string, url: string, bed: XenBed, client: HostClient) {
    this.name = name;
    this.url = url;
    this.bed = bed;
    this.#client = client;
    this.#following = this.#follow();
  }

  static async start(name: string, { ca, operator }: Authority): Promise<XenHost> {
    const bed = new XenBed(await Dom0.boot(SIZE));
    try {
      const request = { commonName: name, dnsNames: [hostServerName(name)], days: 1, now: Date.now() };
      const server = await issueCertificate(ca, { ...request, usage: 'both' });
      const url = await bed.startDaemon({ name, ...server, clientCa: ca.cert });
      return new XenHost(name, url, bed, new HostClient({ hostName: name, url, ca: ca.cert, ...operator }));
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  /** Those of the task, as the daemon last told. */
  appliancesOf(task: string): readonly ApplianceStatus[] {
    return [...this.#appliances.values()].filter(({ name }) => name.startsWith(`${task}-`));
  }

  /** Why the daemon was last not heard, in words; empty when it always was. */
  get lastFailure(): string {
    return this.#lastFailure === undefined ? '' : String(this.#lastFailure);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#client.close();
    await this.bed.close();
  }

  /** On a busy machine the daemon is silent at times, and before it listens it is so for long. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    let lastId: string | undefined;
    while (!signal.aborted) {
      try {
        for await (const { id, event } of this.#client.events(lastId, signal)) {
          lastId = id;
          this.#take(event);
        }
      } catch (error) {
        this.#lastFailure = error;
      }
      // Only the signal ends it early, and the loop sees it.
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #take(event: HostEvent): void {
    if (event.type === 'reset') this.#appliances.clear();
    if (event.type === 'appliance') this.#appliances.set(event.appliance.uuid, event.appliance);
    if (event.type === 'applianceGone') this.#appliances.delete(event.uuid);
  }
}

export function isDone({ steps }: ApplianceStatus, name: StepName): boolean {
  return steps.some((step) => step.name === name && step.state === 'Done');
}

/** What the appliance took until its domain was there, without its wait for its turn. */
export function timeUntilDomain(appliance: ApplianceStatus): CreationTime {
  if (!isDone(appliance, 'Start')) throw new Error('the domain is not there yet');
  return { ...creationTimeOf(appliance), tailSeconds: 0 };
}

/**
 * Seconds from the first appliance's first step until each domain was there, ascending, gaps between the steps and all: by the
 * clock of the one host that they are all on.
 */
export function secondsUntilDomains(appliances: readonly ApplianceStatus[]): readonly number[] {
  const begins = appliances.flatMap(({ steps }) => steps.map(({ startedAt }) => Date.parse(startedAt)));
  const begin = Math.min(...begins);
  const seconds = appliances.map(({ steps }) => {
    const start = steps.find(({ name }) => name === 'Start');
    if (start?.state !== 'Done') throw new Error('the domain is not there yet');
    return (Date.parse(start.startedAt) - begin) / 1000 + start.seconds;
  });
  return seconds.sort((a, b) => a - b);
}
