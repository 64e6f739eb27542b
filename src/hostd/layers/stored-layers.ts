import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { makeDirectory, PARTIAL_SUFFIX } from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import { LAYER_DELETING_SUFFIX, LayerFolder } from './layer-folder.ts';
import type { ReceiveOptions } from './receive-options.ts';
import { StoredLayer } from './stored-layer.ts';
import { removeReceived } from './transfer/receive-layer.ts';

const IDENTITY = /^[0-9a-f]{64}$/;
const TRANSFER_KEPT_MS = 24 * 60 * 60 * 1000;

/** The layers in a folder. What a crash left of others is removed. */
export async function storedIn(directory: string, log: Logger): Promise<readonly StoredLayer[]> {
  await makeDirectory(directory);
  const layers: StoredLayer[] = [];
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (name.endsWith(LAYER_DELETING_SUFFIX) || name.endsWith(PARTIAL_SUFFIX)) {
      await rm(path, { recursive: true, force: true });
      continue;
    }
    const layer = IDENTITY.test(name) ? await storedLayer(new LayerFolder(directory, name)) : undefined;
    if (layer !== undefined) layers.push(layer);
    else log.warn({ path }, 'ignored: it is no layer, or one of an earlier version');
  }
  return layers;
}

async function storedLayer(folder: LayerFolder): Promise<StoredLayer | undefined> {
  const record = await folder.readRecord().catch(() => undefined);
  return record && new StoredLayer(folder, record, await folder.linkedFile(record.kind));
}

/**
 * Removes what was received of layers that are here, if the daemon was killed between the last two steps; and of those that nobody
 * asked for in a day.
 */
export async function removeOldTransfers(
  { directory, clock }: Pick<ReceiveOptions, 'directory' | 'clock'>,
  isHere: (identity: string) => boolean,
): Promise<void> {
  for (const identity of (await ifThere(readdir(directory))) ?? []) {
    const { mtimeMs } = await stat(join(directory, identity));
    const isOld = clock.now() - mtimeMs > TRANSFER_KEPT_MS;
    if (isOld || isHere(identity)) await removeReceived(directory, identity);
  }
}
