import type { Cancel, Clock } from '../../../base/clock.ts';
import { messageOf } from '../../errors/index.ts';
import { CHUNK_BYTES } from '../content/chunks.ts';
import { RawContent } from '../content/raw.ts';
import type { Content } from '../content/scan.ts';
import type { LayerFolder } from '../layer-folder.ts';
import type { OpenLayer } from './served-layers.ts';

/** Between two requests of one transfer a layer stays open: a manifest may have megabytes. */
const IDLE_MS = 10_000;

/** Undefined when the layer is not here. */
type OpenOne = (identity: string) => Promise<OpenLayer | undefined>;

type Shared = {
  readonly opening: Promise<OpenLayer | undefined>;
  users: number;
  cancelIdle: Cancel;
};

/** Layers that are open for reading, each once, however many read it. */
export class LayerReaders {
  readonly #clock: Clock;
  readonly #openOne: OpenOne;
  readonly #open = new Map<string, Shared>();

  constructor(clock: Clock, openOne: OpenOne) {
    this.#clock = clock;
    this.#openOne = openOne;
  }

  /** Undefined when the layer is not here. @throws HostError LayerDamaged when its files are not what they were */
  async open(identity: string): Promise<OpenLayer | undefined> {
    const shared = this.#open.get(identity) ?? this.#begin(identity);
    shared.users += 1;
    shared.cancelIdle();
    const layer = await shared.opening.catch((error: unknown) => {
      this.#drop(identity, shared);
      throw error;
    });
    if (layer === undefined) {
      this.#drop(identity, shared);
      return undefined;
    }
    return { ...layer, close: async () => this.#release(identity, shared) };
  }

  /** Closes the layer as soon as nobody reads it, before it is removed: the space of an open file is not given back. */
  async forget(identity: string): Promise<void> {
    const shared = this.#open.get(identity);
    if (shared === undefined) return;
    this.#drop(identity, shared);
    if (shared.users === 0) await (await shared.opening)?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((identity) => this.forget(identity)));
  }

  #begin(identity: string): Shared {
    const shared: Shared = {
      opening: this.#openOne(identity),
      users: 0,
      cancelIdle: () => undefined,
    };
    this.#open.set(identity, shared);
    return shared;
  }

  async #release(identity: string, shared: Shared): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#open.get(identity) !== shared) await (await shared.opening)?.close();
    else shared.cancelIdle = this.#clock.schedule(IDLE_MS, () => void this.forget(identity).catch(messageOf));
  }

  #drop(identity: string, shared: Shared): void {
    shared.cancelIdle();
    if (this.#open.get(identity) === shared) this.#open.delete(identity);
  }
}

/**
 * Opens a layer in its folder. Undefined when it is not there.
 * @param openDisk reads the file of a disk, as the host's driver keeps it
 */
export async function openLayer(
  folder: LayerFolder,
  openDisk: (path: string) => Promise<Content>,
): Promise<OpenLayer | undefined> {
  const record = await folder.readRecord();
  if (record === undefined) return undefined;
  const { kind, virtualBytes, parent } = record;
  const manifest = await folder.readManifest();
  const content = await (kind === 'disk' ? openDisk : RawContent.open)(folder.filePath(kind));
  return {
    shape: { kind, virtualBytes, ...(parent === undefined ? {} : { parent }) },
    manifest,
    read: (index, target) => readChunks(content, index, target),
    close: () => content.close(),
  };
}

async function readChunks(content: Content, index: number, target: Buffer): Promise<void> {
  const start = index * CHUNK_BYTES;
  const length = Math.max(0, Math.min(target.length, content.virtualBytes - start));
  await content.read(target.subarray(0, length), start);
  target.fill(0, length);
}
