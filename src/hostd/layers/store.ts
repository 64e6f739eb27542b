import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredLayer, LayerKind, LayerStatus } from '../../host/protocol.ts';
import { desiredLayerSchema } from '../../host/schemas.ts';
import { hostErrors } from '../errors/index.ts';
import { makeDirectory, removeInterrupted } from '../files/durable-files.ts';
import { createAjv, validator } from '../validate.ts';
import type { FetchOptions } from './fetch-options.ts';
import { FetchSlots } from './fetch-slots.ts';
import { Layer } from './layer.ts';
import { LAYER_DELETING_SUFFIX, LayerDirectory } from './layer-directory.ts';

const CONCURRENT_FETCHES = 4;
/** Sources that drip cost a connection each, and no more. */
const SLOW_FETCHES = 32;
/** The folder of the second layer with a digest also names its kind. */
const FOLDER = /^([0-9a-f]{64})(?:\.(?:disk|boot))?$/;

/** A layer as an appliance uses it. */
export type LayerUse = { readonly sha256: string; readonly kind: LayerKind };

export type LayerStoreOptions = FetchOptions & {
  readonly directory: string;
  /** uuids of the appliances that use a layer, from their directories. */
  readonly holders: (layer: LayerUse) => readonly string[];
  readonly onChange: (layer: LayerStatus) => void;
  readonly onGone: (layer: LayerUse) => void;
  readonly log: Logger;
};

/** The host's layers: fetched once, sealed, shared by all appliances. */
export class LayerStore {
  /** By kind and digest. */
  readonly #layers = new Map<string, Layer>();
  readonly #options: LayerStoreOptions;
  readonly #slots = new FetchSlots({ slots: CONCURRENT_FETCHES, beside: SLOW_FETCHES });
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
        continue;
      }
      const sha256 = FOLDER.exec(name)?.[1];
      if (sha256 !== undefined) await this.#adopt(sha256, name);
      else log.warn({ path: join(directory, name) }, 'ignored: its name is not that of a layer');
    }
  }

  /** Stores this layer from now on. Idempotent: all callers share one fetch. */
  put(sha256: string, desired: DesiredLayer): Promise<LayerStatus> {
    return this.#puts.run(sha256, () => this.#put(sha256, desired));
  }

  async #put(sha256: string, desired: DesiredLayer): Promise<LayerStatus> {
    const use = { sha256, kind: desired.kind };
    await this.#deleting.get(keyOf(use));
    const known = this.#layers.get(keyOf(use));
    if (known === undefined) {
      const directory = this.#directoryFor(use);
      // Written before it counts as stored, because the write may fail (the disk is full).
      await directory.writeSource(desired);
      const layer = this.#add(directory, desired);
      layer.start();
      return this.#status(layer);
    }
    if (!isDeepStrictEqual(known.desired, desired)) {
      await known.directory.writeSource(desired);
      known.change(desired);
      this.#changed(known);
    }
    return this.#status(known);
  }

  /** @param kind without it, the disk comes first */
  get(sha256: string, kind?: LayerKind): LayerStatus | undefined {
    const layer = this.#find(sha256, kind)[0];
    return layer === undefined ? undefined : this.#status(layer);
  }

  list(): readonly LayerStatus[] {
    return [...this.#layers.values()].map((layer) => this.#status(layer));
  }

  /** Removes the layers with a digest, or the one of a kind. Refused with `LayerInUse` while appliances use it. */
  async delete(sha256: string, kind?: LayerKind): Promise<void> {
    const layers = this.#find(sha256, kind);
    if (layers.length === 0) throw hostErrors.noSuchLayer(sha256);
    const holders = layers.flatMap((layer) => this.#options.holders(useOf(layer)));
    if (holders.length > 0) throw hostErrors.layerHeld(sha256, [...new Set(holders)]);
    await Promise.all(layers.map((layer) => this.#delete(layer)));
  }

  async #delete(layer: Layer): Promise<void> {
    const key = keyOf(useOf(layer));
    const removal = this.#deleting.get(key) ?? this.#remove(layer);
    this.#deleting.set(key, removal);
    try {
      await removal;
    } finally {
      this.#deleting.delete(key);
    }
  }

  /** The sealed file of a layer, or undefined when it is not ready. */
  readyPath(sha256: string, kind?: LayerKind): string | undefined {
    const ready = this.#find(sha256, kind).find(
      (layer) => layer.ready && !this.#deleting.has(keyOf(useOf(layer))),
    );
    return ready?.filePath;
  }

  /** Resolves when all layers are ready. Rejects as soon as one of them has a problem. */
  async whenReady(uses: readonly LayerUse[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const missing = uses.find(({ sha256, kind }) => this.readyPath(sha256, kind) === undefined);
      if (missing === undefined) return;
      const layer = this.#layers.get(keyOf(missing));
      if (layer === undefined) throw hostErrors.layerNotHere(missing.sha256);
      if (layer.problem !== undefined) throw layer.notReady();
      await this.#nextChange(signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#layers.values()].map((layer) => layer.stop()));
  }

  async #adopt(sha256: string, name: string): Promise<void> {
    const { directory, log } = this.#options;
    const layerDirectory = new LayerDirectory(directory, sha256, name);
    try {
      await removeInterrupted(layerDirectory.path, '.');
      const desired = this.#validate(await layerDirectory.readSource());
      const layer = this.#add(layerDirectory, desired);
      await layer.look();
      layer.start();
    } catch (error) {
      // Nothing is removed: the folder's name is the digest of its content, so the next PUT repairs the layer.
      log.warn({ path: layerDirectory.path, err: error }, 'ignored: the layer has no readable source.json');
    }
  }

  #add(directory: LayerDirectory, desired: DesiredLayer): Layer {
    const layer = new Layer(directory, desired, {
      ...this.#options,
      slots: this.#slots,
      onChange: (changed) => this.#changed(changed),
    });
    this.#layers.set(keyOf(useOf(layer)), layer);
    return layer;
  }

  /** The first layer with a digest has the folder that is named by it alone. */
  #directoryFor({ sha256, kind }: LayerUse): LayerDirectory {
    const { directory } = this.#options;
    const isTaken = this.#find(sha256).some((layer) => layer.directory.path === join(directory, sha256));
    return new LayerDirectory(directory, sha256, isTaken ? `${sha256}.${kind}` : sha256);
  }

  #find(sha256: string, kind?: LayerKind): Layer[] {
    const kinds = kind === undefined ? KINDS : [kind];
    return kinds.flatMap((each) => this.#layers.get(keyOf({ sha256, kind: each })) ?? []);
  }

  async #remove(layer: Layer): Promise<void> {
    await layer.stop();
    await layer.directory.remove();
    this.#layers.delete(keyOf(useOf(layer)));
    this.#options.onGone(useOf(layer));
    this.#wakeWaiting();
  }

  #changed(layer: Layer): void {
    this.#options.onChange(this.#status(layer));
    this.#wakeWaiting();
  }

  #status(layer: Layer): LayerStatus {
    return layer.status(this.#options.holders(useOf(layer)));
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

const KINDS: readonly LayerKind[] = ['disk', 'boot'];

function keyOf({ sha256, kind }: LayerUse): string {
  return `${kind}/${sha256}`;
}

function useOf({ sha256, desired: { kind } }: Layer): LayerUse {
  return { sha256, kind };
}
