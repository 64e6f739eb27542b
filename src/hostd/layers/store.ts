import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredLayer, LayerStatus } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { makeDirectory, PARTIAL_SUFFIX } from '../files/durable-files.ts';
import { Lineage } from './content/lineage.ts';
import type { Manifest } from './content/manifest.ts';
import { LAYER_DELETING_SUFFIX, type LayerFacts, LayerFolder, type LayerRecord } from './layer-folder.ts';
import { type FinishedFile, nameOf, type OpenDisk } from './sealing.ts';
import { StoredLayer } from './stored-layer.ts';

const IDENTITY = /^[0-9a-f]{64}$/;

export type LayerStoreOptions = {
  readonly directory: string;
  readonly openDisk: OpenDisk;
  /** uuids of the appliances that use a layer, from their directories. */
  readonly holders: (identity: string) => readonly string[];
  readonly onChange: (layer: LayerStatus) => void;
  /** A layer was deleted; awaited before the deletion counts as done. */
  readonly onGone: (identity: string) => Promise<void>;
  readonly log: Logger;
};

/** The layers of this host, by their names: sealed, read-only, shared by all appliances and by the layers on them. */
export class LayerStore {
  readonly #layers = new Map<string, StoredLayer>();
  readonly #options: LayerStoreOptions;
  /** Of one layer, one thing is done at a time. */
  readonly #turns = new KeyedMutex();
  readonly #deleting = new Set<string>();
  #waiting: (() => void)[] = [];

  constructor(options: LayerStoreOptions) {
    this.#options = options;
  }

  /** Reads the layers that are in the directory. */
  async open(): Promise<void> {
    const { directory, log } = this.#options;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (name.endsWith(LAYER_DELETING_SUFFIX) || name.endsWith(PARTIAL_SUFFIX)) {
        await rm(path, { recursive: true, force: true });
      } else if (!IDENTITY.test(name) || !(await this.#adopt(name))) {
        log.warn({ path }, 'ignored: it is no layer, or one of an earlier version');
      }
    }
  }

  /**
   * Makes a finished file a layer, unless that layer is here already. The file keeps its name, for the caller to remove.
   * @throws HostError LayerDamaged when it is no file of a layer; LayerMissing when its parent is not here
   */
  async seal(file: FinishedFile, facts: LayerFacts, signal?: AbortSignal): Promise<LayerRecord> {
    const { directory, openDisk } = this.#options;
    const { identity, shape, manifest } = await nameOf(file, openDisk, signal);
    const record = await this.#turns.run(identity, () =>
      new LayerFolder(directory, identity).place(file.path, shape, facts, manifest),
    );
    this.#add(record);
    return record;
  }

  /** Takes the operator's word for who may read a layer. @throws HostError LayerMissing when it is not here */
  put(identity: string, { readers }: DesiredLayer): LayerStatus {
    const layer = this.#layers.get(identity);
    if (layer === undefined) throw hostErrors.layerNotHere(identity);
    layer.readers = new Set(readers);
    return this.#status(layer);
  }

  get(identity: string): LayerStatus | undefined {
    const layer = this.#layers.get(identity);
    return layer === undefined ? undefined : this.#status(layer);
  }

  list(): readonly LayerStatus[] {
    return [...this.#layers.values()].map((layer) => this.#status(layer));
  }

  /** Whether the layer is here and sound. */
  has(identity: string): boolean {
    return this.readyPath(identity) !== undefined;
  }

  /** The file of a layer, or undefined when it is not ready. */
  readyPath(identity: string): string | undefined {
    const layer = this.#layers.get(identity);
    return layer?.problem === undefined && !this.#deleting.has(identity) ? layer?.filePath : undefined;
  }

  /** Resolves when all layers are ready. Rejects as soon as one of them has a problem, or is not known. */
  async whenReady(identities: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const missing = identities.find((identity) => this.readyPath(identity) === undefined);
      if (missing === undefined) return;
      const layer = this.#layers.get(missing);
      if (layer === undefined) throw hostErrors.layerNotHere(missing);
      if (layer.problem !== undefined) throw hostErrors.layerNotReady(missing, layer.problem);
      await this.#nextChange(signal);
    }
  }

  /** A layer with all that it stands on. @throws HostError LayerMissing */
  async lineage(identity: string): Promise<Lineage> {
    const manifests: Manifest[] = [];
    for (let at: string | undefined = identity; at !== undefined; ) {
      const layer = this.#layers.get(at);
      if (layer === undefined) throw hostErrors.layerNotHere(at);
      manifests.push(await layer.manifest());
      at = layer.record.parent;
    }
    return new Lineage(manifests);
  }

  /** Removes a layer. Refused with `LayerInUse` while appliances or other layers stand on it. */
  async delete(identity: string): Promise<void> {
    const layer = this.#layers.get(identity);
    if (layer === undefined) throw hostErrors.noSuchLayer(identity);
    const holders = this.#holders(identity);
    if (holders.length > 0) throw hostErrors.layerHeld(identity, holders);
    this.#deleting.add(identity);
    try {
      await this.#turns.run(identity, () => layer.folder.remove());
      this.#layers.delete(identity);
      await this.#options.onGone(identity);
    } finally {
      this.#deleting.delete(identity);
      this.#wakeWaiting();
    }
  }

  async #adopt(identity: string): Promise<boolean> {
    const folder = new LayerFolder(this.#options.directory, identity);
    const record = await folder.readRecord().catch(() => undefined);
    if (record === undefined) return false;
    const layer = new StoredLayer(folder, record);
    this.#layers.set(identity, layer);
    await layer.look(() => this.#nameAgain(layer));
    return true;
  }

  /** The name that the layer's file has now. */
  async #nameAgain({ record, filePath }: StoredLayer): Promise<string> {
    const { kind, parent } = record;
    const below =
      parent === undefined ? {} : { parent: { identity: parent, lineage: await this.lineage(parent) } };
    return (await nameOf({ path: filePath, kind, ...below }, this.#options.openDisk)).identity;
  }

  #add(record: LayerRecord): void {
    if (this.#layers.has(record.identity)) return;
    const layer = new StoredLayer(new LayerFolder(this.#options.directory, record.identity), record);
    this.#layers.set(record.identity, layer);
    this.#options.onChange(this.#status(layer));
    this.#wakeWaiting();
  }

  #status(layer: StoredLayer): LayerStatus {
    return layer.status(this.#holders(layer.record.identity));
  }

  #holders(identity: string): string[] {
    const children = [...this.#layers.values()].filter(({ record }) => record.parent === identity);
    return [...this.#options.holders(identity), ...children.map(({ record }) => `layer ${record.identity}`)];
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
