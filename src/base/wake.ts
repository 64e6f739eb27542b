import { type Clock, sleep } from './clock.ts';

/** Ends the current pause of a loop early; a call between two pauses ends the next one. */
export class Wake {
  #controller = new AbortController();

  now(): void {
    this.#controller.abort();
  }

  /** Resolves after `ms`, or as soon as somebody wakes, with whether that was so; rejects when `stop` is aborted. */
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
