import type { Logger } from 'pino';
import { messageOf } from '../../errors/index.ts';
import { CHUNK_BYTES, DIGEST_BYTES } from '../content/chunks.ts';
import type { Manifest } from '../content/manifest.ts';
import { runsOf } from './batches.ts';
import type { OpenLayer } from './served-layers.ts';
import { LONGEST_RUN, type UnfinishedFile } from './unfinished-file.ts';

/** A chunk of a layer of this host that is also a chunk of the one that is received. */
type Match = { readonly from: number; readonly to: number };

const KEY_BYTES = 6;

export type LocalCopy = {
  readonly file: UnfinishedFile;
  /** The layers of this host, opened one after the other; each is closed here. */
  readonly layers: () => AsyncIterable<OpenLayer>;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onWritten: () => Promise<void>;
};

/** Takes from the layers of this host what they have of the missing chunks. What cannot be read here, or is wrong, stays missing. */
export async function copyLocalChunks(copy: LocalCopy): Promise<void> {
  const wanted = wantedChunks(copy.file);
  if (wanted.size === 0) return;
  for await (const layer of copy.layers()) {
    try {
      for (const run of matchesIn(layer.manifest, copy.file, wanted)) {
        copy.signal.throwIfAborted();
        await copyRun(copy, layer, run);
      }
    } finally {
      await layer.close();
    }
    if (copy.file.missingBytes === 0) return;
  }
}

/** By the beginning of the digest: most chunks of the layers here are not wanted, and each of them is looked up. */
function wantedChunks({ known: { manifest }, present }: UnfinishedFile): Map<number, number[]> {
  const wanted = new Map<number, number[]>();
  let rank = 0;
  for (const { index, digests, offset } of digestsOf(manifest)) {
    if (present.has(rank++)) continue;
    const key = digests.readUIntBE(offset, KEY_BYTES);
    const others = wanted.get(key);
    if (others === undefined) wanted.set(key, [index]);
    else others.push(index);
  }
  return wanted;
}

/** What of the layer is wanted and still missing, in runs of neighbours in both files. */
function matchesIn(layer: Manifest, file: UnfinishedFile, wanted: ReadonlyMap<number, readonly number[]>) {
  const { manifest } = file.known;
  const matches: Match[] = [];
  for (const { index: from, digests, offset } of digestsOf(layer)) {
    for (const to of wanted.get(digests.readUIntBE(offset, KEY_BYTES)) ?? []) {
      const chunk = manifest.at(to);
      const isSame =
        chunk.kind === 'data' && chunk.digest.equals(digests.subarray(offset, offset + DIGEST_BYTES));
      if (isSame && !file.present.has(manifest.dataRank(to))) matches.push({ from, to });
    }
  }
  const follows = (before: Match, match: Match) =>
    match.from === before.from + 1 && file.follows(before.to, match.to);
  return runsOf(matches, follows, LONGEST_RUN);
}

async function copyRun(
  { file, log, onWritten }: LocalCopy,
  layer: OpenLayer,
  matches: readonly Match[],
): Promise<void> {
  const [first] = matches;
  if (first === undefined) return;
  const bytes = Buffer.allocUnsafe(matches.length * CHUNK_BYTES);
  try {
    await layer.read(first.from, bytes);
  } catch (error) {
    return log.warn(
      { problem: messageOf(error) },
      'a layer of this host cannot be read: its chunks are fetched',
    );
  }
  const right = file.rightOnes(
    matches.map(({ to }) => to),
    bytes,
  );
  if (right < matches.length)
    log.warn({ chunk: matches[right]?.from }, 'a layer of this host has a wrong chunk, which is fetched');
  if (right > 0) await file.write(first.to, bytes.subarray(0, right * CHUNK_BYTES));
  await onWritten();
}

type Digest = { readonly index: number; readonly digests: Buffer; readonly offset: number };

function* digestsOf({ runs }: Manifest): Generator<Digest> {
  let start = 0;
  for (const run of runs) {
    if (run.kind === 'data')
      for (let at = 0; at < run.count; at += 1)
        yield { index: start + at, digests: run.digests, offset: at * DIGEST_BYTES };
    start += run.count;
  }
}
