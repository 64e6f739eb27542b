import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { hostErrors, messageOf, toHostError, toProblem } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';
import type { Compaction } from '../compaction.ts';
import { LayerFolder } from '../layer-folder.ts';
import type { LayerStacks } from '../layer-stacks.ts';
import type { ReceiveOptions } from '../receive-options.ts';
import type { OpenDisk } from '../sealing.ts';
import { type LayerSharing, StoredLayer } from '../stored-layer.ts';
import { copyLocalChunks } from '../transfer/local-chunks.ts';
import type { OpenLayer } from '../transfer/served-layers.ts';
import type { KnownLayer } from '../transfer/unfinished-file.ts';
import { UnfinishedLayer } from '../transfer/unfinished-layer.ts';
import { Publications } from './publications.ts';
import { backingOf, SharedCopies, type SharedCopy } from './shared-copies.ts';
import type { SharedDirectory } from './shared-directory.ts';

/** How often what is written is made durable, in milliseconds. */
const FLUSH_MS = 3_000;

export type SharedLayersOptions = {
  readonly directory: SharedDirectory;
  /** Folder of this host's layers. */
  readonly root: string;
  readonly layers: LayerStacks;
  /** Of one layer, one thing is done at a time. */
  readonly turns: KeyedMutex;
  readonly openDisk: OpenDisk;
  readonly compaction: Compaction;
  readonly receive: Pick<ReceiveOptions, 'diskFormat' | 'backoff' | 'clock' | 'random'>;
  readonly open: (identity: string) => Promise<OpenLayer | undefined>;
  /** Closes the open file of a layer. The next reader opens the one that the layer then has. */
  readonly forgetOpen: (identity: string) => Promise<void>;
  readonly onChange: (identity: string) => void;
  readonly log: Logger;
};

/** The layers of a host whose files are in a directory that it shares with other hosts. */
export class SharedLayers {
  readonly #options: SharedLayersOptions;
  readonly #copies: SharedCopies;
  readonly #publications: Publications;

  constructor(options: SharedLayersOptions) {
    const { directory, openDisk, log, onChange, receive } = options;
    this.#options = options;
    this.#copies = new SharedCopies(directory, openDisk, log);
    this.#publications = new Publications({
      ...receive,
      onChange,
      publish: (identity, signal) => this.#publish(identity, signal),
    });
  }

  /** Releases what a crash left in the directory, if that can be used. */
  async open(): Promise<void> {
    const { directory, turns, log } = this.#options;
    if (directory.problem !== undefined) return;
    try {
      for (const identity of await this.#copies.identities())
        await turns.run(identity, () => this.#releaseUnused(identity));
      for (const identity of (await ifThere(readdir(this.#copies.unfinished))) ?? [])
        await turns.run(identity, () => this.#removeUnfinished(identity));
    } catch (error) {
      log.warn(
        { problem: messageOf(error) },
        'what this host no longer uses of the shared directory is not removed yet',
      );
    }
  }

  /** What a layer's status says of the directory. */
  sharingOf({ linkedFile, record }: StoredLayer): LayerSharing {
    const { id } = this.#options.directory;
    if (linkedFile !== undefined) return id === undefined ? {} : { shared: id };
    const sharingProblem = this.#publications.problemOf(record.identity);
    return sharingProblem === undefined ? {} : { sharingProblem };
  }

  /**
   * Whether a layer's file is where it can be looked at: not in the directory while that cannot be used, which its problem then says. A
   * directory that is mounted at another path since is found there.
   */
  async isInReach(layer: StoredLayer): Promise<boolean> {
    const { problem, path } = this.#options.directory;
    const { linkedFile, record } = layer;
    if (linkedFile === undefined) return true;
    try {
      if (problem !== undefined) throw problem;
      const folder = join(path, 'layers', record.identity, basename(dirname(linkedFile)));
      if (dirname(linkedFile) !== folder) await layer.link(folder, record);
      return true;
    } catch (error) {
      layer.problem = toProblem(toHostError(error));
      return false;
    }
  }

  /** Has a layer here that is in the directory, unless it is not, or what it stands on is not here. To be called in the layer's turn. */
  async adopt(identity: string): Promise<StoredLayer | undefined> {
    const { root, layers, directory } = this.#options;
    if (directory.problem !== undefined) return undefined;
    const copy = await this.#copies.claim(identity);
    if (copy === undefined) return undefined;
    const { parent } = copy.record;
    if (parent !== undefined && !layers.has(parent)) {
      await this.#copies.release(identity);
      throw hostErrors.parentNotHere(identity, parent);
    }
    const folder = new LayerFolder(root, identity);
    const record = await folder.placeLink(copy.path, copy.record, copy.manifest);
    return new StoredLayer(folder, record, await folder.linkedFile(record.kind));
  }

  /** Puts a layer of this host into the directory, in the background. */
  share(identity: string): void {
    this.#publications.start(identity);
  }

  async stopSharing(identity: string): Promise<void> {
    await this.#publications.stop(identity);
  }

  /** A layer is no longer here. While the directory cannot be used, that is left for when it can. */
  async release(identity: string): Promise<void> {
    const { directory, log } = this.#options;
    if (directory.problem !== undefined) return;
    const removing = this.#copies.release(identity).then(() => this.#unfinished(identity).remove());
    await removing.catch((error: unknown) => {
      const problem = messageOf(error);
      log.warn(
        { layer: identity, problem },
        'its file in the shared directory is released at the next start',
      );
    });
  }

  async close(): Promise<void> {
    await this.#publications.close();
  }

  /** In the layer's turn nobody begins to use it, and who puts it there knows what it uses. */
  async #releaseUnused(identity: string): Promise<void> {
    if (this.#publications.isRunning(identity)) return;
    await this.#releaseOthers(identity);
  }

  async #removeUnfinished(identity: string): Promise<void> {
    const layer = this.#options.layers.get(identity);
    const isDone = layer === undefined || layer.linkedFile !== undefined;
    if (isDone && !this.#publications.isRunning(identity)) await this.#unfinished(identity).remove();
  }

  /** Goes by what the store's folder says, also if the layer there cannot be read: disks may stand on it. */
  async #releaseOthers(identity: string): Promise<void> {
    const folder = new LayerFolder(this.#options.root, identity);
    const linkedFile = (await folder.linkedFile('disk')) ?? (await folder.linkedFile('boot'));
    await this.#copies.release(identity, linkedFile && basename(dirname(linkedFile)));
  }

  async #publish(identity: string, signal: AbortSignal): Promise<void> {
    const { layers, turns, forgetOpen, directory } = this.#options;
    await directory.confirm();
    const layer = layers.get(identity);
    if (layer === undefined || layer.linkedFile !== undefined) return;
    const copy = (await this.#copies.claim(identity)) ?? (await this.#write(layer, signal));
    await turns.run(identity, async () => {
      // It was deleted meanwhile, and may be here again.
      if (layers.get(identity) !== layer) return await this.#releaseOthers(identity);
      await layer.link(copy.path, { ...layer.record, ...sizeOf(copy) });
      await forgetOpen(identity);
    });
    await this.#unfinished(identity).remove();
  }

  /** Writes a layer's file again, chunk by chunk, as one that is received: each is verified, and what is there after a crash stays. */
  async #write(layer: StoredLayer, signal: AbortSignal): Promise<SharedCopy> {
    const { compaction } = this.#options;
    const { identity, kind, virtualBytes, parent } = layer.record;
    const shape = { kind, virtualBytes, ...(parent === undefined ? {} : { parent }) };
    const unfinished = this.#unfinished(identity);
    const known = { shape, manifest: await layer.manifest() };
    try {
      await this.#fill(unfinished, known, signal);
    } catch (error) {
      // Others write there, too.
      if (toHostError(error).reason === 'DiskFull') await unfinished.remove();
      throw error;
    }
    if (kind === 'disk') await compaction.run(unfinished.filePath, signal);
    signal.throwIfAborted();
    const facts = factsIn(layer.record);
    return (
      (await this.#copies.claim(identity)) ??
      (await this.#copies.place(unfinished.filePath, unfinished.path, known, facts))
    );
  }

  #unfinished(identity: string): UnfinishedLayer {
    return new UnfinishedLayer(this.#copies.unfinished, identity);
  }

  async #fill(unfinished: UnfinishedLayer, known: KnownLayer, signal: AbortSignal): Promise<void> {
    const { receive, open, log } = this.#options;
    if ((await unfinished.readKnown()) === undefined) await unfinished.begin(known);
    let flushedAt = receive.clock.monotonic();
    const file = await unfinished.open(known, receive.diskFormat, backingOf(known.shape.parent));
    try {
      await file.verify(signal);
      const layers = async function* () {
        const layer = await open(unfinished.identity);
        if (layer !== undefined) yield layer;
      };
      const onWritten = async () => {
        if (receive.clock.monotonic() - flushedAt < FLUSH_MS) return;
        flushedAt = receive.clock.monotonic();
        await file.flush();
      };
      await copyLocalChunks({ file, layers, signal, log, onWritten });
      if (file.missingBytes > 0) throw hostErrors.layerNotCopied(unfinished.identity, file.missingBytes);
      await file.flush();
    } finally {
      await file.close();
    }
  }
}

function sizeOf({ record: { bytes, modifiedMs } }: SharedCopy) {
  return { bytes, modifiedMs };
}

function factsIn({ bootable, firmware, content, diskBytes }: StoredLayer['record']) {
  return {
    ...(bootable === undefined ? {} : { bootable }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(content === undefined ? {} : { content }),
    ...(diskBytes === undefined ? {} : { diskBytes }),
  };
}
