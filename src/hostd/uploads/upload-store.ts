import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Cancel, Clock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { UploadStatus } from '../../host/protocol.ts';
import { codeOf, hostErrors } from '../errors/index.ts';
import { makeDirectory, PARTIAL_SUFFIX, syncDirectory } from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import { ensureSpace, freeBytes } from '../files/space.ts';

export type UploadStoreOptions = {
  /** `<state>/uploads`: a file named by its digest and namespace, with the suffix of unfinished files while it is not whole. */
  readonly directory: string;
  readonly reserveBytes: number;
  readonly clock: Clock;
  /** The whole files that wait to be imported are others now. */
  readonly onChange: () => void;
  readonly log: Logger;
};

/** A file is its namespace's: whoever knows the digest of another's file does not have it. */
export type UploadKey = { readonly namespace: string; readonly sha256: string };

/** The next bytes of a file. */
export type UploadPart = {
  readonly offset: number;
  readonly totalBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
};

const KEPT_MS = 24 * 60 * 60 * 1000;
const LOOK_MS = 60 * 60 * 1000;

/** Files that users push, piece by piece, until they are imported. Each piece is on the disk when its request is answered. */
export class UploadStore {
  readonly #options: UploadStoreOptions;
  /** One request at a time adds to a file. */
  readonly #turns = new KeyedMutex();
  /** How far each unfinished file was digested; after a restart it is read again. */
  readonly #hashes = new Map<string, { readonly bytes: number; readonly hash: Hash }>();
  readonly #whole = new Set<string>();
  #cancel: Cancel = () => undefined;

  constructor(options: UploadStoreOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { directory } = this.#options;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) {
      if (!name.endsWith(PARTIAL_SUFFIX)) this.#whole.add(name);
    }
    await this.#tidy();
  }

  close(): void {
    this.#cancel();
  }

  /** The files that are whole. */
  list(): readonly UploadKey[] {
    return [...this.#whole].sort().map(keyOf);
  }

  async status(key: UploadKey): Promise<UploadStatus> {
    return { ...(await this.#found(key)), freeBytes: await this.#room() };
  }

  async #found(key: UploadKey): Promise<Omit<UploadStatus, 'freeBytes'>> {
    const whole = await ifThere(stat(this.#path(nameOf(key))));
    const part = whole ?? (await ifThere(stat(this.#partPath(nameOf(key)))));
    return { sha256: key.sha256, receivedBytes: part?.size ?? 0, complete: whole !== undefined };
  }

  /**
   * Adds the next bytes. When the last have come, the digest is checked. A request that breaks off leaves what came. Rejects with
   * `UploadOffset` unless they begin where the file ends, with `UploadTooLong`, `DiskFull`, or `DigestMismatch`; then the file is removed.
   */
  append(key: UploadKey, part: UploadPart): Promise<UploadStatus> {
    const { sha256 } = key;
    return this.#turns.run(nameOf(key), async () => {
      const { receivedBytes, complete } = await this.#found(key);
      if (complete) return await this.status(key);
      if (part.offset !== receivedBytes) throw hostErrors.uploadOffset(sha256, part.offset, receivedBytes);
      const { directory, reserveBytes } = this.#options;
      const missing = Math.max(0, part.totalBytes - receivedBytes);
      await ensureSpace(directory, `upload ${sha256}`, missing, reserveBytes);
      const { bytes, hash } = await this.#receive(key, part);
      if (bytes === part.totalBytes) await this.#finish(key, hash.digest('hex'));
      return await this.status(key);
    });
  }

  /** Gives a whole file a second name, from where it is imported. Rejects with `UploadMissing`. */
  async linkTo(key: UploadKey, path: string): Promise<void> {
    try {
      await rm(path, { force: true });
      await link(this.#path(nameOf(key)), path);
    } catch (error) {
      throw codeOf(error) === 'ENOENT' ? hostErrors.uploadMissing(key.sha256) : error;
    }
  }

  /** It was imported, so nobody needs it here. */
  async remove(key: UploadKey): Promise<void> {
    const name = nameOf(key);
    if (!this.#whole.has(name)) return;
    await rm(this.#path(name), { force: true });
    this.#whole.delete(name);
    this.#options.onChange();
  }

  async #room(): Promise<number> {
    const { directory, reserveBytes } = this.#options;
    return Math.max(0, (await freeBytes(directory)) - reserveBytes);
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }

  #partPath(name: string): string {
    return this.#path(name) + PARTIAL_SUFFIX;
  }

  async #receive(key: UploadKey, { offset, totalBytes, body }: UploadPart) {
    const name = nameOf(key);
    const hash = await this.#hashAt(name, offset);
    const file = await open(this.#partPath(name), offset === 0 ? 'w' : 'r+', 0o600);
    let bytes = offset;
    try {
      for await (const chunk of body) {
        if (bytes + chunk.length > totalBytes) throw hostErrors.uploadTooLong(key.sha256, totalBytes);
        await writeAt(file, chunk, bytes);
        hash.update(chunk);
        bytes += chunk.length;
      }
    } finally {
      this.#hashes.set(name, { bytes, hash });
      // What was written of a chunk that failed is not counted.
      await file.truncate(bytes);
      await file.sync();
      await file.close();
    }
    return { bytes, hash };
  }

  /** The digest of what is there, which ends at `offset`. */
  async #hashAt(name: string, offset: number): Promise<Hash> {
    const known = this.#hashes.get(name);
    this.#hashes.delete(name);
    if (known?.bytes === offset) return known.hash;
    const hash = createHash('sha256');
    if (offset > 0) for await (const chunk of createReadStream(this.#partPath(name))) hash.update(chunk);
    return hash;
  }

  async #finish(key: UploadKey, actual: string): Promise<void> {
    const name = nameOf(key);
    this.#hashes.delete(name);
    if (actual !== key.sha256) {
      await rm(this.#partPath(name), { force: true });
      throw hostErrors.uploadDigestMismatch(key.sha256, actual);
    }
    await rename(this.#partPath(name), this.#path(name));
    await syncDirectory(this.#options.directory);
    this.#whole.add(name);
    this.#options.onChange();
  }

  /** Removes what nobody has added to, or imported, for a day; then looks again in an hour. */
  async #tidy(): Promise<void> {
    const { directory, clock, log } = this.#options;
    try {
      for (const name of await readdir(directory)) {
        await this.#turns.run(name.replace(PARTIAL_SUFFIX, ''), () => this.#removeIfOld(name));
      }
    } catch (error) {
      log.warn({ err: error }, 'old uploads could not be removed');
    }
    this.#cancel = clock.schedule(LOOK_MS, () => void this.#tidy());
  }

  async #removeIfOld(name: string): Promise<void> {
    const path = join(this.#options.directory, name);
    const modified = (await ifThere(stat(path)))?.mtimeMs;
    if (modified === undefined || this.#options.clock.now() - modified < KEPT_MS) return;
    await rm(path, { force: true });
    this.#hashes.delete(name.replace(PARTIAL_SUFFIX, ''));
    if (this.#whole.delete(name)) this.#options.onChange();
  }
}

function nameOf({ namespace, sha256 }: UploadKey): string {
  return `${sha256}.${namespace}`;
}

function keyOf(name: string): UploadKey {
  const [sha256 = '', namespace = ''] = name.split('.');
  return { namespace, sha256 };
}

async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const rest = chunk.length - written;
    written += (await file.write(chunk, written, rest, position + written)).bytesWritten;
  }
}
