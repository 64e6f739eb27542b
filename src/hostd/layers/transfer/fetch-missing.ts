import { CHUNK_BYTES } from '../content/chunks.ts';
import { missingBatches, rangesOf } from './batches.ts';
import type { PeerClient } from './peer-client.ts';
import { PeerFailure } from './peer-failure.ts';
import type { Peers } from './peers.ts';
import { LONGEST_RUN, type UnfinishedFile } from './unfinished-file.ts';

export type Fetch = {
  readonly identity: string;
  readonly file: UnfinishedFile;
  readonly peers: Peers;
  readonly signal: AbortSignal;
  readonly onWritten: () => Promise<void>;
};

/** What one of those that run at once has for itself. */
type Work = Fetch & { readonly buffer: Buffer };

/** 4 MiB: at most so much is asked for again when a peer is left. */
const BATCH_CHUNKS = 64;
const AT_ONCE = 4;

/** Reads the missing chunks from the peers, some batches at once, until the file has all. */
export async function fetchMissing(fetch: Fetch): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([fetch.signal, stop.signal]);
  const { manifest } = fetch.file.known;
  const batches = missingBatches(manifest, fetch.file.present, BATCH_CHUNKS);
  const again: (readonly number[])[] = [];
  const work = async () => {
    const buffer = Buffer.allocUnsafeSlow(LONGEST_RUN * CHUNK_BYTES);
    for (;;) {
      const batch = again.pop() ?? batches.next().value;
      if (batch === undefined) return;
      const rest = await fetchBatch({ ...fetch, signal, buffer }, batch);
      if (rest.length > 0) again.push(rest);
    }
  };
  const workers = Array.from({ length: AT_ONCE }, () =>
    work().catch((error: unknown) => {
      // The others end before this is reported: nothing is under way then.
      if (!stop.signal.aborted) stop.abort(error);
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
}

/** Resolves with what is missing still, since the peer failed. */
async function fetchBatch(fetch: Work, batch: readonly number[]): Promise<readonly number[]> {
  const { peers, signal, file } = fetch;
  const client = await peers.next(signal);
  try {
    await readBatch(fetch, client, batch);
    return [];
  } catch (error) {
    if (!(error instanceof PeerFailure)) throw error;
    peers.failed(client, error);
    return batch.filter((index) => !file.present.has(file.known.manifest.dataRank(index)));
  }
}

async function readBatch(fetch: Work, client: PeerClient, batch: readonly number[]): Promise<void> {
  const { identity, file, signal, peers, buffer, onWritten } = fetch;
  const isLeftIfSlow = () => peers.hasOther(client);
  const body = await client.chunks(identity, rangesOf(batch), signal, isLeftIfSlow);
  try {
    for (const run of file.runsOf(batch)) {
      const bytes = buffer.subarray(0, run.length * CHUNK_BYTES);
      const filled = await body.fill(bytes);
      const arrived = run.slice(0, Math.floor(filled.bytes / CHUNK_BYTES));
      const right = file.rightOnes(arrived, bytes);
      if (right > 0) await file.write(run[0] as number, bytes.subarray(0, right * CHUNK_BYTES));
      await onWritten();
      if (right < arrived.length) throw client.wrongChunk(identity, arrived[right] as number);
      if (filled.failure !== undefined) throw filled.failure;
    }
    await body.end();
  } finally {
    body.destroy();
  }
}
