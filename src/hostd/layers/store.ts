import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredLayer, LayerStatus } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { syncFile } from '../files/durable-files.ts';
import { Changes } from './changes.ts';
import { Compaction } from './compaction.ts';
import type { Lineage } from './content/lineage.ts';
import { type LayerFacts, LayerFolder, type LayerRecord } from './layer-folder.ts';
import { LayerStacks } from './layer-stacks.ts';
import { Receiving } from './receiving.ts';
import { type FinishedFile, type Named, nameOf } from './sealing.ts';
import type { SharedDirectory } from './shared/shared-directory.ts';
import { SharedLayers } from './shared/shared-layers.ts';
import type { LayerStoreOptions, SealOptions } from './store-options.ts';
import { StoredLayer } from './stored-layer.ts';
import { removeOldTransfers, storedIn } from './stored-layers.ts';
import { LayerReaders, openLayer } from './transfer/layer-readers.ts';
import { type ReceivedLayer, removeReceived } from './transfer/receive-layer.ts';
import type { OpenLayer, ServedLayers } from './transfer/served-layers.ts';
import { Verifier } from './verifier.ts';

/** The layers of this host, by their names: sealed, read-only, shared by all appliances and by the layers on them. */
export class LayerStore implements ServedLayers {
  readonly #options: LayerStoreOptions;
  /** Of one layer, one thing is done at a time. */
  readonly #turns = new KeyedMutex();
  readonly #deleting = new Set<string>();
  readonly #layers = new LayerStacks((identity) => this.#deleting.has(identity));
  /** Layers that are on their way here. */
  readonly #receiving = new Map<string, Receiving>();
  /** Hosts that may read a layer, by its name: said before the layer is whole, too. */
  readonly #readers = new Map<string, ReadonlySet<string>>();
  readonly #open: LayerReaders;
  readonly #verifier: Verifier;
  readonly #changes = new Changes();
  readonly #compaction: Compaction;
  readonly #shared: SharedLayers | undefined;

  constructor(options: LayerStoreOptions) {
    this.#options = options;
    const { directory, openDisk, digHoles, log } = options;
    this.#compaction = new Compaction(digHoles, log);
    this.#verifier = new Verifier({
      layers: this.#layers,
      openDisk,
      onChange: (identity) => this.#changed(identity),
      clock: options.receive.clock,
    });
    this.#open = new LayerReaders(options.receive.clock, (identity) =>
      openLayer(new LayerFolder(directory, identity), openDisk),
    );
    this.#shared = options.shared && this.#sharedIn(options.shared);
  }

  #sharedIn(directory: SharedDirectory): SharedLayers {
    return new SharedLayers({
      ...this.#options,
      directory,
      root: this.#options.directory,
      layers: this.#layers,
      turns: this.#turns,
      compaction: this.#compaction,
      open: (identity) => this.openForReading(identity),
      forgetOpen: (identity) => this.#open.forget(identity),
      onChange: (identity) => this.#changed(identity),
    });
  }

  /** Reads the layers that are in the directory. */
  async open(): Promise<void> {
    for (const layer of await storedIn(this.#options.directory, this.#options.log))
      this.#layers.set(layer.record.identity, layer);
    // All of them are known first: the name of a layer follows from what it stands on, too.
    for (const layer of this.#layers.values()) await this.#look(layer);
    await removeOldTransfers(this.#options.receive, (identity) => this.#layers.has(identity));
    await this.#shared?.open();
  }

  /** The directory that hosts share can be used again, or no longer. */
  sharedChanged(): Promise<void> {
    return this.#turns.run('the shared directory', async () => {
      for (const layer of [...this.#layers.values()].filter(isInDirectory)) {
        await this.#look(layer);
        this.#changed(layer.record.identity);
      }
      await this.#shared?.open();
    });
  }

  /**
   * Makes a finished file a layer, unless that layer is here already. The file keeps its name, for the caller to remove.
   * @throws HostError LayerDamaged when it is no file of a layer; LayerMissing when its parent is not here
   */
  async seal(file: FinishedFile, facts: LayerFacts, signal?: AbortSignal): Promise<LayerRecord> {
    // While it is read, the disk already writes it.
    const [named] = await Promise.all([nameOf(file, this.#options.openDisk, signal), syncFile(file.path)]);
    return await this.#place(file.path, named, facts, signal);
  }

  /** Makes a finished disk a layer, on another one of this host if one is given: see `seal`. */
  async sealOn(
    path: string,
    parent: string | undefined,
    { signal, onProgress }: SealOptions,
  ): Promise<LayerRecord> {
    if (parent !== undefined && !this.has(parent)) throw hostErrors.layerNotHere(parent);
    const below = await this.#layers.below(parent);
    const facts = await this.#options.factsOf(path);
    return await this.seal({ path, kind: 'disk', ...below, onProgress }, facts, signal);
  }

  /**
   * Fetches the layer from these hosts unless it is here, and lets those others read it. One that is to be shared is taken from the
   * shared directory if it is there, else put there as soon as it is here and this is called again. Idempotent.
   */
  put(identity: string, { peers, readers, shared = false }: DesiredLayer): Promise<LayerStatus> {
    return this.#turns.run(identity, async () => {
      if (shared && this.#shared === undefined) throw hostErrors.noSharedDirectory(identity);
      const known = this.#receiving.get(identity);
      if (shared && known === undefined) await this.#adopt(identity);
      const layer = this.#layers.get(identity);
      // Whoever names readers alone believes that the layer is here.
      if (layer === undefined && known === undefined && peers.length === 0)
        throw hostErrors.noSuchLayer(identity);
      this.#readers.set(identity, new Set(readers));
      if (layer !== undefined) {
        const isToShare = shared && layer.linkedFile === undefined && !this.#deleting.has(identity);
        if (isToShare) this.#shared?.share(identity);
        return this.#status(layer);
      }
      const receiving = known ?? this.#receive(identity, peers);
      receiving.change(peers);
      return receiving.status([]);
    });
  }

  /** Reads a layer's file again, in the background. @throws HostError NoSuchLayer when it is not here, or not whole */
  verify(identity: string, request: string): LayerStatus {
    const layer = this.#layers.get(identity);
    if (layer === undefined) throw hostErrors.noSuchLayer(identity);
    this.#verifier.start(layer, request);
    return this.#status(layer);
  }

  async openForReading(identity: string): Promise<OpenLayer | undefined> {
    return this.has(identity) ? await this.#open.open(identity) : undefined;
  }

  mayRead(identity: string, host: string): boolean {
    return this.#readers.get(identity)?.has(host) ?? false;
  }

  get(identity: string): LayerStatus | undefined {
    const layer = this.#layers.get(identity);
    return layer === undefined
      ? this.#receiving.get(identity)?.status(this.#holders(identity))
      : this.#status(layer);
  }

  list(): readonly LayerStatus[] {
    const names = new Set([...this.#layers.keys(), ...this.#receiving.keys()]);
    return [...names].flatMap((identity) => this.get(identity) ?? []);
  }

  /** Whether the layer is here and sound. */
  has(identity: string): boolean {
    return this.readyPath(identity) !== undefined;
  }

  /** The file of a layer, or undefined when it is not ready. */
  readyPath(identity: string): string | undefined {
    return this.#layers.sound(identity)?.filePath;
  }

  /** The files of a layer and of those below it, the root's last. @throws HostError LayerMissing unless all are sound */
  chain(identity: string): readonly string[] {
    return this.#layers.chain(identity);
  }

  /** Resolves when all layers are ready. Rejects as soon as one of them has a problem, or is not known. */
  async whenReady(identities: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const missing = identities.find((identity) => this.readyPath(identity) === undefined);
      if (missing === undefined) return;
      const layer = this.#layers.get(missing) ?? this.#receiving.get(missing);
      if (layer === undefined) throw hostErrors.layerNotHere(missing);
      if (layer.problem !== undefined) throw hostErrors.layerNotReady(missing, layer.problem);
      await this.#changes.next(signal);
    }
  }

  /** A layer with all that it stands on. @throws HostError LayerMissing */
  lineage(identity: string): Promise<Lineage> {
    return this.#layers.lineage(identity);
  }

  /** Removes a layer, or what has arrived of it. Refused with `LayerInUse` while appliances or other layers stand on it. */
  async delete(identity: string): Promise<void> {
    const known = this.#layers.get(identity) ?? this.#receiving.get(identity);
    if (known === undefined) throw hostErrors.noSuchLayer(identity);
    const holders = this.#holders(identity);
    if (holders.length > 0) throw hostErrors.layerHeld(identity, holders);
    this.#deleting.add(identity);
    try {
      await this.#receiving.get(identity)?.stop();
      await this.#shared?.stopSharing(identity);
      await this.#turns.run(identity, () => this.#remove(identity));
      await this.#options.onGone(identity);
    } finally {
      this.#deleting.delete(identity);
      this.#changes.announce();
    }
  }

  /** Ends the transfers and keeps what arrived. */
  async close(): Promise<void> {
    await this.#verifier.close();
    await Promise.all([...this.#receiving.values()].map((receiving) => receiving.stop()));
    await this.#shared?.close();
    await this.#turns.idle();
    await this.#open.close();
  }

  async #remove(identity: string): Promise<void> {
    const { directory, receive } = this.#options;
    await this.#open.forget(identity);
    this.#layers.delete(identity);
    this.#receiving.delete(identity);
    this.#readers.delete(identity);
    await new LayerFolder(directory, identity).remove();
    await this.#shared?.release(identity);
    await removeReceived(receive.directory, identity);
  }

  /** Has a layer here that is in the shared directory. */
  async #adopt(identity: string): Promise<void> {
    if (this.#layers.has(identity)) return;
    const layer = await this.#shared?.adopt(identity);
    if (layer === undefined) return;
    this.#layers.set(identity, layer);
    this.#changed(identity);
  }

  #receive(identity: string, peers: DesiredLayer['peers']): Receiving {
    const options = {
      ...this.#options.receive,
      identity,
      fileOf: (other: string) => this.readyPath(other),
      locals: () => this.#locals(),
      onReceived: (layer: ReceivedLayer) => this.#received(identity, layer),
      onChange: () => this.#changed(identity),
    };
    const receiving = new Receiving(options, peers);
    this.#receiving.set(identity, receiving);
    receiving.start();
    return receiving;
  }

  /** Killed before the last line, the layer is found at the next start, and what it was received as is removed with it. */
  async #received(identity: string, { file, shape, manifest, isSparse }: ReceivedLayer): Promise<void> {
    const { factsOf, receive } = this.#options;
    const facts = shape.kind === 'disk' ? await factsOf(file) : {};
    await this.#place(file, { identity, shape, manifest, isSparse }, facts);
    this.#receiving.delete(identity);
    await removeReceived(receive.directory, identity);
  }

  async #place(
    file: string,
    { identity, shape, manifest, isSparse = false }: Named & { readonly isSparse?: boolean },
    facts: LayerFacts,
    signal?: AbortSignal,
  ): Promise<LayerRecord> {
    return await this.#turns.run(identity, async () => {
      // The file of a layer that is here may be this one, under its other name.
      if (shape.kind === 'disk' && !isSparse && !this.#layers.has(identity))
        await this.#compaction.run(file, signal);
      const folder = new LayerFolder(this.#options.directory, identity);
      const record = await folder.place(file, shape, facts, manifest);
      this.#add(record);
      return record;
    });
  }

  async *#locals(): AsyncGenerator<OpenLayer> {
    for (const identity of [...this.#layers.keys()].reverse()) {
      const layer = await this.openForReading(identity);
      if (layer !== undefined) yield layer;
    }
  }

  /** Looks whether a layer's file was touched since it was last looked at. */
  async lookAgain(identity: string): Promise<void> {
    const layer = this.#layers.get(identity);
    if (layer === undefined) return;
    const before = layer.problem;
    await this.#look(layer);
    if (layer.problem?.reason !== before?.reason) this.#changed(identity);
  }

  async #look(layer: StoredLayer): Promise<void> {
    if ((await this.#shared?.isInReach(layer)) !== false) await this.#verifier.look(layer);
  }

  #add(record: LayerRecord): void {
    if (this.#layers.has(record.identity)) return;
    const layer = new StoredLayer(new LayerFolder(this.#options.directory, record.identity), record);
    this.#layers.set(record.identity, layer);
    this.#changed(record.identity);
  }

  #changed(identity: string): void {
    const status = this.get(identity);
    if (status !== undefined) this.#options.onChange(status);
    this.#changes.announce();
  }

  #status(layer: StoredLayer): LayerStatus {
    return layer.status(this.#holders(layer.record.identity), this.#shared?.sharingOf(layer));
  }

  #holders(identity: string): string[] {
    const children = this.#layers.childrenOf(identity).map((child) => `layer ${child}`);
    return [...this.#options.holders(identity), ...children];
  }
}

/** One that was read and is damaged stays so. */
function isInDirectory({ linkedFile, problem }: StoredLayer): boolean {
  return linkedFile !== undefined && problem?.reason !== 'LayerCorrupt';
}
