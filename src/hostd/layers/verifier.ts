import { orAborted } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { LayerStatus } from '../../host/protocol.ts';
import { hostErrors, toHostError, toProblem } from '../errors/index.ts';
import { identityOf } from './content/identity.ts';
import type { LayerStacks } from './layer-stacks.ts';
import { nameOf, type OpenDisk } from './sealing.ts';
import type { StoredLayer } from './stored-layer.ts';

type Verification = NonNullable<LayerStatus['verification']>;

export type VerifierOptions = {
  readonly layers: LayerStacks;
  readonly openDisk: OpenDisk;
  readonly onChange: (identity: string) => void;
  readonly clock: Clock;
};

type Reading = { readonly signal?: AbortSignal; readonly onProgress?: (readBytes: number) => void };

const PROGRESS_INTERVAL_MS = 1000;

/** Reads layers again, one after the other, and says whether they are what their names say. */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #turns = new KeyedMutex();
  readonly #stop = new AbortController();

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /** Looks whether a layer's file was touched, and reads it if it was; and whether what it stands on is here. Its problem says what is wrong. */
  async look(layer: StoredLayer): Promise<void> {
    const { identity, parent } = layer.record;
    await layer.look(() => this.#nameAgain(layer));
    if (parent !== undefined && !this.#options.layers.has(parent))
      layer.problem = toProblem(hostErrors.parentNotHere(identity, parent));
  }

  /** Begins to read a layer, unless that was done, or is done, for the same request. Its status says how far that is. */
  start(layer: StoredLayer, request: string): void {
    if (layer.verification?.request === request) return;
    this.#tell(layer, { request, state: 'Running', doneBytes: 0 });
    // It never rejects.
    void this.#turns.run('one at a time', () => this.#verify(layer, request));
  }

  /** Ends what is under way; a new daemon knows nothing of it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#turns.idle();
  }

  async #verify(layer: StoredLayer, request: string): Promise<void> {
    const { signal } = this.#stop;
    try {
      signal.throwIfAborted();
      const isSound = await orAborted(this.#isSound(layer, request), signal);
      if (layer.verification?.request !== request) return;
      const { problem, filePath, record } = layer;
      const corrupt = toProblem(hostErrors.layerCorrupt(filePath, record.identity));
      if (!isSound) layer.problem = corrupt;
      else if (problem?.reason === corrupt.reason) layer.problem = undefined;
      this.#tell(layer, { request, state: isSound ? 'Sound' : 'Damaged', doneBytes: record.bytes });
    } catch (error) {
      if (signal.aborted || layer.verification?.request !== request) return;
      const { message } = toHostError(error);
      this.#tell(layer, { ...layer.verification, state: 'Failed', message });
    }
  }

  /** Both the file and what its chunks are said to be, by which other hosts read it. */
  async #isSound(layer: StoredLayer, request: string): Promise<boolean> {
    const { record, folder } = layer;
    const { clock } = this.#options;
    let toldAt = clock.monotonic();
    const onProgress = (doneBytes: number) => {
      if (clock.monotonic() - toldAt < PROGRESS_INTERVAL_MS) return;
      toldAt = clock.monotonic();
      this.#tell(layer, { request, state: 'Running', doneBytes });
    };
    if (identityOf(record, await folder.readManifest()) !== record.identity) return false;
    const name = await this.#nameAgain(layer, { signal: this.#stop.signal, onProgress });
    return name === record.identity;
  }

  /** The name that the layer's file has now. */
  async #nameAgain({ record, filePath }: StoredLayer, { signal, ...rest }: Reading = {}): Promise<string> {
    const { layers, openDisk } = this.#options;
    const { kind, parent } = record;
    const file = { path: filePath, kind, ...(await layers.below(parent)), ...rest };
    return (await nameOf(file, openDisk, signal)).identity;
  }

  #tell(layer: StoredLayer, verification: Omit<Verification, 'totalBytes'>): void {
    layer.verification = { ...verification, totalBytes: layer.record.bytes };
    this.#options.onChange(layer.record.identity);
  }
}
