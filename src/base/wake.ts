import { type Clock, sleep } from './clock.ts';

/** Ends the pause of a loop early. A call between two pauses ends the next one. */
export class Wake {
  #controller = new AbortController();

  /** Ends the current pause, or else the next one. */
  now(): void {
    this.#controller.abort();
  }

  /** Resolves with false after `ms`, or with true as soon as `now` is called; rejects when `stop` is aborted. */
  async pause(ms: number, clock: Clock, stop: AbortSignal): Promise<boolean> {
    const woken = this.#controller.signal;
    try {
      await sleep(clock, ms, AbortSignal.any([woken, stop]));
      return false;
    } catch (error) {
      stop.throwIfAborted();
      if (!woken.aborted) throw error;
      return true;
    } finally {
      if (woken.aborted) this.#controller = new AbortController();
    }
  }
}
