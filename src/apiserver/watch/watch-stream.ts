import type { ServerResponse } from 'node:http';
import { expired } from '../status-errors.ts';
import type { EventWriter } from './event-writer.ts';
import type { WatchSource } from './watch-source.ts';

/** Limit, in bytes, of the buffer for one client; beyond it no further events are read. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Times, in milliseconds. */
export interface WatchTimes {
  /** When the watch ends by itself. */
  readonly timeout: number;
  /** How often a client that wants bookmarks gets one. */
  readonly bookmark: number;
  /** How long a client may read nothing while events wait for it. */
  readonly stall: number;
}

export interface WatchOptions {
  readonly bookmarks: boolean;
  /** Whether a bookmark marks the end of the initial objects. */
  readonly announceInitialEnd: boolean;
}

/** Streams one watch to one client. */
export class WatchStream {
  readonly #response: ServerResponse;
  readonly #source: WatchSource;
  readonly #writer: EventWriter;
  readonly #options: WatchOptions;
  readonly #timers: NodeJS.Timeout[];
  readonly #stallAfter: number;
  #stall: NodeJS.Timeout | undefined;
  #announced: boolean;
  #done = false;

  constructor(
    response: ServerResponse,
    source: WatchSource,
    writer: EventWriter,
    options: WatchOptions,
    times: WatchTimes,
  ) {
    this.#response = response;
    this.#source = source;
    this.#writer = writer;
    this.#options = options;
    this.#announced = !options.announceInitialEnd;
    this.#stallAfter = times.stall;
    this.#timers = [setTimeout(() => this.#timedOut(), times.timeout)];
    if (options.bookmarks) this.#timers.push(setInterval(() => this.#bookmark(), times.bookmark));
    response.on('drain', () => this.#drained());
    response.on('close', () => this.#stop());
  }

  /** Called when there may be something new to send. */
  wake(): void {
    while (!this.#done && this.#stall === undefined) {
      const event = this.#source.next();
      if (event === 'expired') this.#tooLate();
      if (event === undefined || event === 'expired') break;
      this.#write(this.#writer.event(event));
    }
    this.#announceInitialEnd();
  }

  /** Ends the watch in good order. */
  end(): void {
    if (this.#done) return;
    this.#stop();
    this.#response.end();
  }

  #write(event: string | Buffer | undefined): void {
    if (event === undefined) {
      this.end();
      return;
    }
    this.#response.write(event);
    if (this.#response.writableLength <= MAX_BUFFERED_BYTES || this.#stall !== undefined) return;
    this.#stall = setTimeout(() => this.#response.destroy(), this.#stallAfter);
  }

  #drained(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.wake();
  }

  #announceInitialEnd(): void {
    if (this.#announced || this.#done || this.#source.initialPending) return;
    this.#announced = true;
    this.#write(this.#writer.bookmark(this.#source.position, true));
  }

  #bookmark(): void {
    if (this.#done || this.#stall !== undefined || !this.#announced) return;
    this.wake();
    // The call above ends a watch that is too far behind.
    if (this.#done) return;
    this.#write(this.#writer.bookmark(this.#source.position, false));
  }

  #timedOut(): void {
    if (this.#options.bookmarks) this.#bookmark();
    this.end();
  }

  #tooLate(): void {
    const { status } = expired(`too old resource version: ${this.#source.position}`);
    this.#write(this.#writer.error(status));
    this.end();
  }

  #stop(): void {
    this.#done = true;
    clearTimeout(this.#stall);
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
