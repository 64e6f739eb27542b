import type { Readable } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import { type RatePolicy, RateWatch } from '../rate-watch.ts';
import { type Peer, PeerFailure } from './peer-failure.ts';

export type AnswerBodyOptions = {
  readonly peer: Peer;
  readonly clock: Clock;
  readonly body: Readable;
  /** How long it must be. */
  readonly bytes: number;
  readonly signal: AbortSignal;
  readonly silentMs: number;
  readonly minimumRate: RatePolicy;
  readonly isLeftIfSlow: () => boolean;
};

const NOTHING = Buffer.alloc(0);

/** The body of a peer's answer, which is read as far as it comes. To be ended or destroyed. */
export class AnswerBody {
  readonly #options: AnswerBodyOptions;
  readonly #parts: AsyncIterator<Buffer>;
  readonly #watch: RateWatch;
  readonly #stop: () => void;
  #rest: Buffer = NOTHING;
  #received = 0;

  constructor(options: AnswerBodyOptions) {
    const { body, clock, signal, minimumRate, peer, isLeftIfSlow } = options;
    this.#options = options;
    this.#parts = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#stop = () => body.destroy(signal.reason);
    signal.addEventListener('abort', this.#stop, { once: true });
    const left = hostErrors.peerSlow(peer.host, minimumRate.bytesPerSecond);
    this.#watch = new RateWatch(
      clock,
      minimumRate,
      () => this.#received,
      (isSlow) => {
        if (isSlow && isLeftIfSlow()) body.destroy(left);
      },
    );
    this.#watch.start();
    // It may be destroyed at any moment, and whoever reads next gets the error.
    body.on('error', () => undefined);
  }

  /**
   * Fills the target with what comes next. Resolves with the failure when not all of it came, and with how much did.
   * @throws the signal's reason
   */
  async fill(target: Buffer): Promise<{ readonly bytes: number; readonly failure?: PeerFailure }> {
    for (let bytes = 0; ; ) {
      bytes += this.#take(target.subarray(bytes));
      if (bytes === target.length) return { bytes };
      try {
        const { done, value } = await this.#next();
        if (done === true) throw new Error('it ended');
        this.#received += value.length;
        this.#rest = value;
      } catch (error) {
        this.destroy();
        this.#options.signal.throwIfAborted();
        return { bytes, failure: this.#failure(error) };
      }
    }
  }

  /** To be called when all has been read: the connection is then free for the next request. */
  async end(): Promise<void> {
    const { done } = await this.#next().catch(() => ({ done: false }));
    if (done !== true || this.#rest.length > 0) this.#options.body.destroy();
    this.#finish();
  }

  destroy(): void {
    this.#options.body.destroy();
    this.#finish();
  }

  #finish(): void {
    this.#watch.stop();
    this.#options.signal.removeEventListener('abort', this.#stop);
  }

  #take(target: Buffer): number {
    const taken = this.#rest.copy(target);
    this.#rest = this.#rest.subarray(taken);
    return taken;
  }

  /** The time in which this host does something else is no silence of the peer. */
  async #next(): Promise<IteratorResult<Buffer>> {
    const { clock, silentMs, body, peer } = this.#options;
    const cancel = clock.schedule(silentMs, () => body.destroy(hostErrors.peerSilent(peer.host, silentMs)));
    try {
      return await this.#parts.next();
    } finally {
      cancel();
    }
  }

  #failure(error: unknown): PeerFailure {
    const { peer, bytes } = this.#options;
    const isNamed = error instanceof Error && error.name === 'HostError';
    return new PeerFailure(
      peer,
      isNamed ? error : hostErrors.peerEndedEarly(peer.host, this.#received, bytes, error),
    );
  }
}
