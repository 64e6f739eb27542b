import { createHash } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { shownUrl } from '../../base/shown-url.ts';
import type { DesiredLayer } from '../../host/protocol.ts';
import type { ImageTool } from '../drivers/driver.ts';
import { toHostError } from '../errors/index.ts';
import {
  makeDirectory,
  PARTIAL_SUFFIX,
  readJsonIfThere,
  removeDirectory,
  writeJsonDurably,
} from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import { ensureSpace } from '../files/space.ts';
import { download } from './download.ts';
import { judgeBootFile, judgeImage } from './image/judge.ts';
import { digestOf, fileExists, placeFile, type StoredFile, sealFile, verifyFile } from './stored-file.ts';
import { WrongContent } from './wrong-content.ts';

/** The content of a sealed layer's `layer.json`. */
export type LayerRecord = {
  readonly version: 1;
  readonly file: StoredFile;
  /** Of a disk. The last two are missing where an earlier version stored it. */
  readonly virtualBytes?: number;
  readonly bootable?: boolean;
  readonly content?: string;
  readonly seconds: number;
};

export type FetchContext = {
  readonly images: ImageTool;
  readonly reserveBytes: number;
  readonly fileRoots: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (fetchedBytes: number, totalBytes: number | undefined) => void;
  /** The file is here, with the right digest. */
  readonly onArrived: () => void;
  /** Seconds since the fetch began. */
  readonly elapsed: () => number;
};

/** What a version with one source per layer left unfinished. */
const ARRIVED = `download${PARTIAL_SUFFIX}`;
type Source = Pick<DesiredLayer, 'kind' | 'url'>;

const CONVERTED = `converted${PARTIAL_SUFFIX}`;

export const LAYER_DELETING_SUFFIX = '.deleting';

/** `<state>/layers/<sha256>/`: the layer's source, its sealed file, and what was found out about the file. */
export class LayerDirectory {
  readonly sha256: string;
  readonly path: string;
  readonly #wrong = new WrongContent();
  /** Two sources may give the file at the same time: it is sealed once. */
  readonly #sealing = new KeyedMutex();

  /** @param name of the folder, if it is another than the digest */
  constructor(root: string, sha256: string, name = sha256) {
    this.sha256 = sha256;
    this.path = join(root, name);
  }

  filePath(kind: DesiredLayer['kind']): string {
    return join(this.path, kind === 'disk' ? 'disk.qcow2' : 'blob');
  }

  async writeSource(desired: DesiredLayer): Promise<void> {
    await makeDirectory(this.path);
    await writeJsonDurably(join(this.path, 'source.json'), desired);
  }

  readSource(): Promise<unknown> {
    return readJsonIfThere(join(this.path, 'source.json'));
  }

  /** The sealed layer's record, if its file exists and is unchanged; undefined when the layer must be fetched. */
  async readSealed(kind: DesiredLayer['kind']): Promise<LayerRecord | undefined> {
    const record = await this.#readRecord();
    if (record === undefined) return undefined;
    if (!(await verifyFile(this.filePath(kind), record.file))) return undefined;
    // Left by other sources, or if the daemon was killed right after sealing: these are not needed any more.
    await this.removeUnfinished();
    return record;
  }

  /** Removes what was fetched and not sealed. Nothing may be fetched now that is still needed. */
  async removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.path)) {
      // Names with a dot are those of files that are being written beside this.
      if (name.startsWith('.') || !name.endsWith(PARTIAL_SUFFIX)) continue;
      await rm(join(this.path, name), { force: true });
    }
  }

  /** Fetches, verifies, inspects and seals the layer. Continues an interrupted fetch of the same source. */
  async fetch(desired: Source, context: FetchContext): Promise<LayerRecord> {
    const arrived = await this.#partialOf(desired.url);
    await this.#arrive(desired, arrived, context);
    context.onArrived();
    return await this.#sealing.run('', async () => {
      context.signal.throwIfAborted();
      return (await this.readSealed(desired.kind)) ?? (await this.#finish(desired, arrived, context));
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

  /** Where the bytes of a source are collected. The first one to ask goes on with what an earlier version left. */
  async #partialOf(url: string): Promise<string> {
    const path = this.#partialPath(url);
    if (!(await fileExists(path))) await ifThere(rename(join(this.path, ARRIVED), path));
    return path;
  }

  async #arrive(desired: Source, arrived: string, context: FetchContext): Promise<void> {
    await download({
      url: desired.url,
      sha256: this.sha256,
      path: arrived,
      fileRoots: context.fileRoots,
      signal: context.signal,
      wrong: this.#wrong,
      onProgress: context.onProgress,
      ensureRoom: (missing) =>
        ensureSpace(
          this.path,
          `layer ${this.sha256} from ${shownUrl(desired.url)}`,
          missing,
          context.reserveBytes,
        ),
    });
  }

  async #finish(desired: Source, arrived: string, context: FetchContext): Promise<LayerRecord> {
    const what = `layer ${this.sha256} from ${shownUrl(desired.url)}`;
    const sealed =
      desired.kind === 'disk'
        ? await this.#sealDisk(arrived, what, context)
        : await this.#sealBootFile(arrived, what);
    const record: LayerRecord = { version: 1, ...sealed.found, seconds: context.elapsed() };
    await writeJsonDurably(join(this.path, 'layer.json'), record);
    await placeFile(sealed.path, this.filePath(desired.kind));
    await rm(arrived, { force: true });
    return record;
  }

  async remove(): Promise<void> {
    await removeDirectory(this.path, LAYER_DELETING_SUFFIX);
  }

  async #seal(path: string, sha256: string) {
    return { path, found: { file: await sealFile(path, sha256) } };
  }

  async #sealBootFile(arrived: string, what: string) {
    await this.#judged(arrived, judgeBootFile(arrived, what));
    return this.#seal(arrived, this.sha256);
  }

  /** Refuses an image that no VM could use, or that refers to other files: its author could otherwise read any file of the host. */
  async #sealDisk(arrived: string, what: string, { images, reserveBytes, signal }: FetchContext) {
    const judgement = await this.#judged(arrived, judgeImage(arrived, what, images, signal));
    const { format, ...facts } = judgement;
    if (format === 'qcow2') {
      const { path, found } = await this.#seal(arrived, this.sha256);
      return { path, found: { ...found, ...facts } };
    }
    const converted = join(this.path, CONVERTED);
    await rm(converted, { force: true });
    const { size } = await stat(arrived);
    const roomBytes = await ensureSpace(this.path, `layer ${this.sha256} as qcow2`, size, reserveBytes);
    await images.convert(arrived, format, converted, { signal, roomBytes });
    const { path, found } = await this.#seal(converted, await digestOf(converted, signal));
    return { path, found: { ...found, ...facts } };
  }

  async #judged<T>(arrived: string, judgement: Promise<T>): Promise<T> {
    try {
      return await judgement;
    } catch (error) {
      // The digest was right: what is wrong with the file does not pass, so its space is freed. Anything else keeps the file.
      if (toHostError(error).kind === 'stalled') await rm(arrived, { force: true });
      throw error;
    }
  }

  async #readRecord(): Promise<LayerRecord | undefined> {
    const path = join(this.path, 'layer.json');
    const value = await readJsonIfThere(path).catch((error: unknown) => {
      // Without a readable record the layer is fetched again; its digest makes sure that it is the same.
      if (error instanceof SyntaxError) return undefined;
      throw error;
    });
    return isLayerRecord(value) ? value : undefined;
  }
}

function isLayerRecord(value: unknown): value is LayerRecord {
  const file = (value as LayerRecord | undefined)?.file;
  return (
    typeof file?.sha256 === 'string' && typeof file.bytes === 'number' && typeof file.modifiedMs === 'number'
  );
}
