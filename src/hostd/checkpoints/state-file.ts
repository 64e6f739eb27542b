import { createReadStream, createWriteStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { isRecord } from '../../base/json.ts';
import type { CheckpointKey } from '../drivers/checkpoints.ts';
import { syncFile } from '../files/durable-files.ts';

/** The first line of a checkpoint's state as a layer: what belongs to it. */
export type CheckpointHead = {
  readonly version: 1;
  readonly key: CheckpointKey;
  /**
   * The machine whose memory it is. The guest of a clone tells this uuid and this MAC address until it has an identity of its own. `hostname`
   * is the one that the machine's appliance asked for; unset: none.
   */
  readonly from: { readonly uuid: string; readonly mac: string; readonly hostname?: string };
  /** Names of the layers of the same moment. */
  readonly layers: { readonly memory: string; readonly disk: string; readonly dataDisk?: string };
};

/**
 * Writes the file of a layer of kind `state`, durably: one line of JSON, which names all that belongs to the checkpoint, then the state of
 * the devices as the hypervisor wrote it. So the name of this layer stands for the whole checkpoint, on every host.
 */
export async function writeStateFile(
  target: string,
  head: CheckpointHead,
  state: string,
  signal: AbortSignal,
): Promise<void> {
  await writeFile(target, `${JSON.stringify(head)}\n`, { mode: 0o600, signal });
  await pipeline(createReadStream(state), createWriteStream(target, { flags: 'a' }), { signal });
  await syncFile(target);
}

/** More than any head is long: a key has some ten short values. */
const HEAD_BYTES = 64 * 1024;

/** The first line of a layer of kind `state`, and where the state begins behind it; undefined when it is none that this version knows. */
export async function readCheckpointHead(
  path: string,
): Promise<{ readonly head: CheckpointHead; readonly stateOffset: number } | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const end = buffer.subarray(0, bytesRead).indexOf('\n');
    const head: unknown = end < 0 ? undefined : JSON.parse(buffer.toString('utf8', 0, end));
    if (!isRecord(head) || head.version !== 1) return undefined;
    return { head: head as CheckpointHead, stateOffset: end + 1 };
  } catch (error) {
    // What is no JSON is no head; any other error is a fault of the host.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}
