import type { Manifest } from '../content/manifest.ts';
import type { PresenceMap } from './presence-map.ts';
import type { ChunkRange } from './protocol.ts';

/** What is missing, in the order of the layer, as batches of at most `limit` chunks. What is present when its turn comes is left out. */
export function* missingBatches(
  manifest: Manifest,
  present: PresenceMap,
  limit: number,
): Generator<readonly number[]> {
  let batch: number[] = [];
  let rank = 0;
  for (const index of manifest.dataChunks()) {
    if (!present.has(rank)) batch.push(index);
    rank += 1;
    if (batch.length < limit) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The indexes, which are in order, as ranges. */
export function rangesOf(indexes: readonly number[]): ChunkRange[] {
  return runsOf(indexes, (before, index) => index === before + 1).map((run) => ({
    first: run[0] as number,
    count: run.length,
  }));
}

/** Divides a list into runs of items of which each follows on the one before. */
export function runsOf<T>(
  items: readonly T[],
  follows: (before: T, item: T) => boolean,
  longest = Number.POSITIVE_INFINITY,
): T[][] {
  const runs: T[][] = [];
  let run: T[] = [];
  for (const item of items) {
    const before = run.at(-1);
    if (before === undefined || run.length >= longest || !follows(before, item)) {
      run = [];
      runs.push(run);
    }
    run.push(item);
  }
  return runs;
}
