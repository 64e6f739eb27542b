import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import PQueue from 'p-queue';
import type { Logger } from 'pino';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { queued } from '../../base/queued.ts';
import type { DesiredLayer, LayerStatus } from '../../host/protocol.ts';
import { desiredLayerSchema } from '../../host/schemas.ts';
import { hostErrors } from '../errors/index.ts';
import { makeDirectory, removeInterrupted } from '../files/durable-files.ts';
import { createAjv, validator } from '../validate.ts';
import { type FetchOptions, Layer } from './layer.ts';
import { LAYER_DELETING_SUFFIX, LayerDirectory } from './layer-directory.ts';

const CONCURRENT_FETCHES = 4;
const SHA256 = /^[0-9a-f]{64}$/;

export type LayerStoreOptions = FetchOptions & {
  readonly directory: string;
  /** uuids of the appliances that use a layer, from their directories. */
  readonly holders: (sha256: string) => readonly string[];
  readonly onChange: (layer: LayerStatus) => void;
  readonly onGone: (sha256: string) => void;
  readonly log: Logger;
};

/** The host's layers: fetched once, sealed, shared by all appliances. */
export class LayerStore {
  readonly #layers = new Map<string, Layer>();
  readonly #options: LayerStoreOptions;
  readonly #queue = new PQueue({ concurrency: CONCURRENT_FETCHES });
  readonly #validate = validator<DesiredLayer>(createAjv(), desiredLayerSchema);
  readonly #deleting = new Map<string, Promise<void>>();
  /** PUTs of one layer run one after the other, so that the last one determines what is on disk. */
  readonly #puts = new KeyedMutex();
  #waiting: (() => void)[] = [];

  constructor(options: LayerStoreOptions) {
    this.#options = options;
  }

  /** Reads the layers that are in the directory, and continues interrupted fetches. */
  async open(): Promise<void> {
    const { directory, log } = this.#options;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) {
      if (name.endsWith(LAYER_DELETING_SUFFIX)) {
        await rm(join(directory, name), { recursive: true, force: true });
      } else if (SHA256.test(name)) await this.#adopt(name);
      else log.warn({ path: join(directory, name) }, 'ignored: its name is not that of a layer');
    }
  }

  /** Stores this layer from now on. Idempotent: all callers share one fetch. */
  put(sha256: string, desired: DesiredLayer): Promise<LayerStatus> {
    return this.#puts.run(sha256, () => this.#put(sha256, desired));
  }

  async #put(sha256: string, desired: DesiredLayer): Promise<LayerStatus> {
    await this.#deleting.get(sha256);
    const known = this.#layers.get(sha256);
    if (known === undefined) {
      // Written before it counts as stored, because the write may fail (the disk is full).
      await new LayerDirectory(this.#options.directory, sha256).writeSource(desired);
      const layer = this.#add(sha256, desired);
      layer.start();
      return this.#status(layer);
    }
    if (known.desired.kind !== desired.kind) throw hostErrors.layerKindDiffers(sha256, known.desired.kind);
    if (known.desired.url !== desired.url || known.desired.template !== desired.template) {
      await new LayerDirectory(this.#options.directory, sha256).writeSource(desired);
      known.change(desired);
    }
    return this.#status(known);
  }

  get(sha256: string): LayerStatus | undefined {
    const layer = this.#layers.get(sha256);
    return layer === undefined ? undefined : this.#status(layer);
  }

  list(): readonly LayerStatus[] {
    return [...this.#layers.values()].map((layer) => this.#status(layer));
  }

  /** Removes a layer. Refused with `LayerInUse` while appliances use it. */
  async delete(sha256: string): Promise<void> {
    const layer = this.#layers.get(sha256);
    if (layer === undefined) throw hostErrors.noSuchLayer(sha256);
    const holders = this.#options.holders(sha256);
    if (holders.length > 0) throw hostErrors.layerHeld(sha256, holders);
    const removal = this.#deleting.get(sha256) ?? this.#remove(layer);
    this.#deleting.set(sha256, removal);
    try {
      await removal;
    } finally {
      this.#deleting.delete(sha256);
    }
  }

  /** The sealed file of a layer, or undefined when it is not ready. */
  readyPath(sha256: string): string | undefined {
    const layer = this.#layers.get(sha256);
    return layer?.ready === true && !this.#deleting.has(sha256) ? layer.filePath : undefined;
  }

  /** Resolves when all layers are ready. Rejects as soon as one of them has a problem. */
  async whenReady(sha256s: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const missing = sha256s.find((sha256) => this.readyPath(sha256) === undefined);
      if (missing === undefined) return;
      const layer = this.#layers.get(missing);
      if (layer === undefined) throw hostErrors.layerNotHere(missing);
      if (layer.problem !== undefined) throw layer.notReady();
      await this.#nextChange(signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#layers.values()].map((layer) => layer.stop()));
  }

  async #adopt(sha256: string): Promise<void> {
    const { directory, log } = this.#options;
    const layerDirectory = new LayerDirectory(directory, sha256);
    try {
      await removeInterrupted(layerDirectory.path, '.');
      const desired = this.#validate(await layerDirectory.readSource());
      const layer = this.#add(sha256, desired);
      await layer.look();
      layer.start();
    } catch (error) {
      // Nothing is removed: the folder's name is the digest of its content, so the next PUT repairs the layer.
      log.warn({ path: layerDirectory.path, err: error }, 'ignored: the layer has no readable source.json');
    }
  }

  #add(sha256: string, desired: DesiredLayer): Layer {
    const layer = new Layer(new LayerDirectory(this.#options.directory, sha256), desired, {
      ...this.#options,
      inTurn: (work, signal) => queued(this.#queue, work, signal),
      onChange: (changed) => this.#changed(changed),
    });
    this.#layers.set(sha256, layer);
    return layer;
  }

  async #remove(layer: Layer): Promise<void> {
    await layer.stop();
    await new LayerDirectory(this.#options.directory, layer.sha256).remove();
    this.#layers.delete(layer.sha256);
    this.#options.onGone(layer.sha256);
    this.#wakeWaiting();
  }

  #changed(layer: Layer): void {
    this.#options.onChange(this.#status(layer));
    this.#wakeWaiting();
  }

  #status(layer: Layer): LayerStatus {
    return layer.status(this.#options.holders(layer.sha256));
  }

  #wakeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
    });
  }
}
