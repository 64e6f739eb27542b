import type { Logger } from 'pino';
import { type Clock, sleep } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import type { PeerClient } from './peer-client.ts';
import type { PeerFailure } from './peer-failure.ts';

type PeersOptions = {
  /** Of the layer. */
  readonly identity: string;
  readonly busyMs: number;
  readonly clock: Clock;
  readonly log: Logger;
};

/** The hosts from which a layer is read, in order of preference. One that failed is left out until the layer is asked for again. */
export class Peers {
  readonly #clients: readonly PeerClient[];
  readonly #options: PeersOptions;
  readonly #failures = new Map<PeerClient, PeerFailure>();
  readonly #busyUntil = new Map<PeerClient, number>();

  constructor(clients: readonly PeerClient[], options: PeersOptions) {
    this.#clients = clients;
    this.#options = options;
  }

  /** The one to ask now; waits while all are busy. @throws HostError NoPeerGivesLayer when none is left */
  async next(signal: AbortSignal): Promise<PeerClient> {
    for (;;) {
      signal.throwIfAborted();
      const now = this.#options.clock.monotonic();
      const left = this.#left();
      const waits = left.map((client) => (this.#busyUntil.get(client) ?? now) - now);
      const free = left.find((_, at) => (waits[at] as number) <= 0);
      if (free !== undefined) return free;
      if (left.length === 0) throw this.#none();
      await sleep(this.#options.clock, Math.min(...waits), signal);
    }
  }

  /** Whether there is another one than this. */
  hasOther(client: PeerClient): boolean {
    return this.#left().some((other) => other !== client);
  }

  failed(client: PeerClient, failure: PeerFailure): void {
    if (failure.isBusy) {
      this.#busyUntil.set(client, this.#options.clock.monotonic() + this.#options.busyMs);
      return;
    }
    if (this.#failures.has(client)) return;
    this.#failures.set(client, failure);
    const { host } = client.peer;
    this.#options.log.warn(
      { layer: this.#options.identity, host, problem: failure.problem.message },
      'a host from which a layer is read is left out',
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #left(): readonly PeerClient[] {
    return this.#clients.filter((client) => !this.#failures.has(client));
  }

  /** With one peer, its own problem; with several, all of them in a sentence. */
  #none(): Error {
    const problems = this.#clients.flatMap((client) => this.#failures.get(client)?.problem ?? []);
    const [first, second] = problems;
    if (first !== undefined && second === undefined) return first;
    return hostErrors.noPeerGives(
      this.#options.identity,
      problems.map(({ message }) => message),
    );
  }
}
