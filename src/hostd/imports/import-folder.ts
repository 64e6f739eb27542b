import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { shownUrl } from '../../base/shown-url.ts';
import type { DesiredImport, FetchPhase, ImportKind } from '../../host/protocol.ts';
import type { ImageTool } from '../drivers/driver.ts';
import { toHostError } from '../errors/index.ts';
import {
  allocatedBytes,
  makeDirectory,
  PARTIAL_SUFFIX,
  readJsonIfThere,
  removeDirectory,
  writeJsonDurably,
} from '../files/durable-files.ts';
import { ensureSpace } from '../files/space.ts';
import { download } from '../layers/download.ts';
import { judgeCd } from '../layers/image/cd.ts';
import { judgeBootFile, judgeImage } from '../layers/image/judge.ts';
import type { LayerFacts } from '../layers/layer-folder.ts';
import { downloadContainerDisk } from '../layers/registry/container-image.ts';
import { isContainerImage } from '../layers/registry/reference.ts';
import { unpackImage } from '../layers/unpack/unpack.ts';
import { WrongContent } from '../layers/wrong-content.ts';

/** The content of `import.json`: which layer the file became. */
export type ImportRecord = {
  readonly version: 1;
  readonly identity: string;
  /** Of the file as its source served it. */
  readonly bytes: number;
  readonly seconds: number;
};

/** Makes a finished file a layer of this host, and resolves with its name. The file may be removed afterwards. */
export type SealLayer = (
  file: { readonly path: string; readonly kind: ImportKind },
  facts: LayerFacts,
  signal: AbortSignal,
) => Promise<{ readonly identity: string }>;

export type FetchContext = {
  readonly images: ImageTool;
  readonly seal: SealLayer;
  readonly reserveBytes: number;
  readonly fileRoots: readonly string[];
  /** Gives the file that a user pushed the name `path`; rejects with `UploadMissing`. */
  readonly takeUpload: (path: string) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (fetchedBytes: number, totalBytes: number | undefined) => void;
  /** The file is here, with the right digest. */
  readonly onArrived: () => void;
  /** What the host does with it from now on. */
  readonly onPhase: (phase: FetchPhase) => void;
  /** Seconds since the fetch began. */
  readonly elapsed: () => number;
};

type Source = Pick<DesiredImport, 'kind' | 'url'>;

const UNPACKED = `unpacked${PARTIAL_SUFFIX}`;
const CONVERTED = `converted${PARTIAL_SUFFIX}`;
const RECORD = 'import.json';
/** What a file is called in messages. */
const NAMES = { disk: 'image', boot: 'file', cd: 'CD' } as const;

export const IMPORT_DELETING_SUFFIX = '.deleting';

/** `<state>/imports/<sha256>.<kind>.<namespace>/`: where a file comes from, what arrived of it, and which layer it became. */
export class ImportFolder {
  readonly sha256: string;
  readonly path: string;
  readonly #wrong = new WrongContent();
  /** Two sources may give the file at the same time: it is sealed once. */
  readonly #sealing = new KeyedMutex();

  constructor(root: string, sha256: string, name: string) {
    this.sha256 = sha256;
    this.path = join(root, name);
  }

  async writeSource(desired: DesiredImport): Promise<void> {
    await makeDirectory(this.path);
    await writeJsonDurably(join(this.path, 'source.json'), desired);
  }

  readSource(): Promise<unknown> {
    return readJsonIfThere(join(this.path, 'source.json'));
  }

  /** Which layer the file became, unless it is still to be fetched. */
  async readSealed(): Promise<ImportRecord | undefined> {
    const value = await readJsonIfThere(join(this.path, RECORD)).catch((error: unknown) => {
      // Without a readable record the file is fetched again; its digest makes sure that it is the same.
      if (error instanceof SyntaxError) return undefined;
      throw error;
    });
    if (!isImportRecord(value)) return undefined;
    // Left by other sources, or if the daemon was killed right after sealing: these are not needed any more.
    await this.removeUnfinished();
    return value;
  }

  /** Removes what was fetched and not sealed. Nothing may be fetched now that is still needed. */
  async removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.path)) {
      // Names with a dot are those of files that are being written beside this.
      if (name.startsWith('.') || !name.endsWith(PARTIAL_SUFFIX)) continue;
      await rm(join(this.path, name), { force: true });
    }
  }

  /** Fetches, verifies, judges and seals the file. Continues an interrupted fetch of the same source. */
  async fetch(desired: Source, context: FetchContext): Promise<ImportRecord> {
    const arrived = this.#partialPath(desired.url);
    await this.#arrive(desired, arrived, context);
    context.onArrived();
    return await this.#sealing.run('', async () => {
      context.signal.throwIfAborted();
      return await this.#finish(desired, arrived, context);
    });
  }

  /** Removes what a source has given so far. */
  async discard(url: string): Promise<void> {
    await rm(this.#partialPath(url), { force: true });
  }

  #partialPath(url: string): string {
    const digest = createHash('sha256').update(url).digest('hex').slice(0, 16);
    return join(this.path, `download-${digest}${PARTIAL_SUFFIX}`);
  }

  async #arrive(desired: Source, arrived: string, context: FetchContext): Promise<void> {
    if (desired.url.startsWith('upload:')) return await context.takeUpload(arrived);
    const arrive = isContainerImage(desired.url) ? downloadContainerDisk : download;
    await arrive({
      url: desired.url,
      sha256: this.sha256,
      path: arrived,
      images: context.images,
      fileRoots: context.fileRoots,
      signal: context.signal,
      wrong: this.#wrong,
      onProgress: context.onProgress,
      ensureRoom: (missing) =>
        ensureSpace(
          this.path,
          `image ${this.sha256} from ${shownUrl(desired.url)}`,
          missing,
          context.reserveBytes,
        ),
    });
  }

  async #finish(desired: Source, arrived: string, context: FetchContext): Promise<ImportRecord> {
    const what = `${NAMES[desired.kind]} ${this.sha256} from ${shownUrl(desired.url)}`;
    const { size } = await stat(arrived);
    const { identity } =
      desired.kind === 'disk'
        ? await this.#sealDisk(desired.url, arrived, what, context)
        : await this.#sealFile(desired.kind, arrived, what, context);
    const record: ImportRecord = { version: 1, identity, bytes: size, seconds: context.elapsed() };
    // Killed before this, the file is sealed once more, with the same result.
    await writeJsonDurably(join(this.path, RECORD), record);
    await rm(arrived, { force: true });
    await rm(join(this.path, UNPACKED), { force: true });
    return record;
  }

  async remove(): Promise<void> {
    await removeDirectory(this.path, IMPORT_DELETING_SUFFIX);
  }

  /** Of what is no disk, the file as it arrived is the layer. */
  async #sealFile(kind: 'boot' | 'cd', arrived: string, what: string, { seal, signal }: FetchContext) {
    const judge = kind === 'cd' ? judgeCd : judgeBootFile;
    await this.#judged<unknown>(arrived, judge(arrived, what));
    return await seal({ path: arrived, kind }, {}, signal);
  }

  /**
   * Refuses an image that no VM could use, or that refers to other files: its author could otherwise read any file of the host. What
   * is stored is written by this host's own qemu-img, whatever format it had.
   */
  async #sealDisk(url: string, arrived: string, what: string, context: FetchContext) {
    const { images, reserveBytes, seal, signal, onPhase } = context;
    const image = await this.#judged(arrived, this.#unpack(url, arrived, what, context));
    const judgement = await this.#judged(arrived, judgeImage(image, what, images, signal));
    const { format, virtualBytes: diskBytes, ...facts } = judgement;
    const converted = join(this.path, CONVERTED);
    await rm(converted, { force: true });
    onPhase('Converting');
    // Holes need no room.
    const needed = await allocatedBytes(image);
    const roomBytes = await ensureSpace(this.path, `${what}, as qcow2,`, needed, reserveBytes);
    await images.convert(image, format, converted, { signal, roomBytes });
    const sealed = await seal({ path: converted, kind: 'disk' }, { ...facts, diskBytes }, signal);
    await rm(converted, { force: true });
    return sealed;
  }

  #unpack(url: string, arrived: string, what: string, context: FetchContext): Promise<string> {
    const { images, signal, reserveBytes, onPhase } = context;
    return unpackImage({
      path: arrived,
      into: join(this.path, UNPACKED),
      what,
      isContainerLayer: isContainerImage(url),
      images,
      signal,
      ensureRoom: () => ensureSpace(this.path, `${what}, unpacked,`, 0, reserveBytes),
      onUnpacking: () => onPhase('Unpacking'),
    });
  }

  async #judged<T>(arrived: string, judgement: Promise<T>): Promise<T> {
    try {
      return await judgement;
    } catch (error) {
      // The digest was right: what is wrong with the file does not pass, so its space is freed. Anything else keeps the file.
      if (toHostError(error).kind === 'stalled') await this.#discardRefused(arrived);
      throw error;
    }
  }

  async #discardRefused(arrived: string): Promise<void> {
    await rm(arrived, { force: true });
    await rm(join(this.path, UNPACKED), { force: true });
  }
}

function isImportRecord(value: unknown): value is ImportRecord {
  const record = value as ImportRecord | undefined;
  return typeof record?.identity === 'string' && typeof record.bytes === 'number';
}
