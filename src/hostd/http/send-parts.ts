import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';

/** What a reader may take for each part, in milliseconds. */
export type ReaderPace = {
  /** From then on it is `slow`, and the bytes are sent beside the turns of others. */
  readonly slowMs: number;
  /** Then its connection ends. */
  readonly stalledMs: number;
};

export const READER_PACE: ReaderPace = { slowMs: 2_000, stalledMs: 30_000 };

export type Sending = {
  readonly clock: Clock;
  readonly pace: ReaderPace;
  /** The reader is slow. False: then it is not served any further. */
  readonly onSlow: () => boolean;
};

/**
 * Sends the parts, the next one being read while one is sent, no faster than the caller reads: a part is done with when the next but
 * one is asked for. Resolves when all are with the kernel;
 * rejects when a part cannot be read, or the connection ends, be it since the caller does not read.
 */
export async function sendParts(
  response: ServerResponse,
  parts: AsyncIterable<Buffer>,
  sending: Sending,
): Promise<void> {
  let sent = Promise.resolve();
  try {
    for await (const part of parts) {
      await sent;
      sent = sendPart(response, part, sending);
      // It is awaited above, or below; until then its rejection has to be somebody's.
      sent.catch(() => undefined);
    }
    await sent;
    response.end();
  } catch (error) {
    // The caller sees an answer that is too short.
    response.destroy();
    throw error;
  }
}

function sendPart(response: ServerResponse, part: Buffer, { clock, pace, onSlow }: Sending): Promise<void> {
  return new Promise((resolve, reject) => {
    const stall = () => response.destroy(new Error('the caller does not read'));
    let cancel = clock.schedule(pace.slowMs, () => {
      if (onSlow()) cancel = clock.schedule(pace.stalledMs - pace.slowMs, stall);
      else stall();
    });
    const gone = () => finish(new Error('the caller has closed the connection'));
    const finish = (error?: Error | null) => {
      cancel();
      response.off('close', gone);
      if (error == null) resolve();
      else reject(error);
    };
    // A response that is closed in between calls no callback of a write.
    response.once('close', gone);
    if (response.destroyed) gone();
    else response.write(part, finish);
  });
}
