import type { Logger } from 'pino';
import type { Clock, Random } from '../../src/base/clock.ts';
import type { Daemon } from './daemon.ts';
import { followHost } from './stream.ts';
import type { HostViews } from './view.ts';

export interface HostLinksOptions {
  readonly views: HostViews;
  /** Makes a client for the daemon of a host; nothing is sent yet. */
  readonly connect: (hostName: string, address: string) => Daemon;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Link {
  readonly address: string;
  readonly client: Daemon;
  readonly stop: AbortController;
  readonly stopped: Promise<void>;
}

/** One connection per host: a client for requests, and a supervised stream of events that keeps the host's view up to date. */
export class HostLinks {
  readonly #options: HostLinksOptions;
  readonly #links = new Map<string, Link>();

  constructor(options: HostLinksOptions) {
    this.#options = options;
  }

  /** The client of a host that is followed; the host may not answer all the same. */
  client(name: string): Daemon | undefined {
    return this.#links.get(name)?.client;
  }

  /** The address of a host that is followed, at which other hosts reach it as well. */
  url(name: string): string | undefined {
    return this.#links.get(name)?.address;
  }

  /** Follows the host at this address from now on. */
  async open(name: string, address: string): Promise<void> {
    if (this.#links.get(name)?.address === address) return;
    await this.close(name);
    const { views, connect, clock } = this.#options;
    const client = connect(name, address);
    const stop = new AbortController();
    views.open(name, clock.monotonic());
    const stopped = followHost({ ...this.#options, name, client }, stop.signal);
    this.#links.set(name, { address, client, stop, stopped });
  }

  /** Forgets the host. */
  async close(name: string): Promise<void> {
    const link = this.#links.get(name);
    if (link === undefined) return;
    this.#links.delete(name);
    link.stop.abort(new Error(`host ${name} is no longer followed`));
    await link.stopped;
    await link.client.close();
    this.#options.views.close(name);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#links.keys()].map((name) => this.close(name)));
  }
}
