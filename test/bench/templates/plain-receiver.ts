/** Receives a file, and checks the digest of each of its chunks before it writes them. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { CHUNK_BYTES } from '../../../src/hostd/layers/content/chunks.ts';
import { answerParent } from '../scale/parts.ts';

export interface ReceiverCalls {
  /** Resolves when the file is on the disk for good. */
  receive: (plan: ReceivePlan) => Promise<void>;
}

export interface ReceivePlan {
  readonly port: number;
  readonly path: string;
  /** Of the file's chunks, in order, in hexadecimal digits. */
  readonly digests: readonly string[];
}

/** What is checked and written at once. */
const PART_BYTES = 16 * CHUNK_BYTES;

answerParent<ReceiverCalls>({ receive }, async () => undefined);

async function receive({ port, path, digests }: ReceivePlan): Promise<void> {
  const file = await open(path, 'w');
  try {
    const buffer = Buffer.allocUnsafeSlow(PART_BYTES);
    let [filled, written] = [0, 0];
    const flush = async () => {
      check(buffer.subarray(0, filled), written / CHUNK_BYTES, digests);
      await file.write(buffer, 0, filled, written);
      [filled, written] = [0, written + filled];
    };
    for await (const part of connect(port, '127.0.0.1') as AsyncIterable<Buffer>)
      for (let at = 0; at < part.length; ) {
        const taken = part.copy(buffer, filled, at);
        [filled, at] = [filled + taken, at + taken];
        if (filled === buffer.length) await flush();
      }
    await flush();
    if (written / CHUNK_BYTES < digests.length) throw new Error(`only ${written} bytes of ${path} came`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function check(bytes: Buffer, first: number, digests: readonly string[]): void {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const index = first + at / CHUNK_BYTES;
    const digest = createHash('sha256')
      .update(bytes.subarray(at, at + CHUNK_BYTES))
      .digest('hex');
    if (digest !== digests[index]) throw new Error(`chunk ${index} is another`);
  }
}
