import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { orAborted } from '../base/abort.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import { shownUrl } from '../base/shown-url.ts';
import { makeDirectory, PARTIAL_SUFFIX, syncDirectory } from './files/durable-files.ts';
import { ensureSpace } from './files/space.ts';
import { download } from './layers/download.ts';
import { fileExists } from './layers/stored-file.ts';
import { WrongContent } from './layers/wrong-content.ts';

/** The packages that services are installed from: files named by their sha256, kept while an appliance here needs them. */
export class PackageCache {
  readonly #directory: string;
  readonly #reserveBytes: number;
  readonly #fileRoots: readonly string[];
  readonly #turns = new KeyedMutex();
  readonly #wrong = new WrongContent();

  constructor(options: {
    readonly directory: string;
    readonly reserveBytes: number;
    readonly fileRoots: readonly string[];
  }) {
    this.#directory = options.directory;
    this.#reserveBytes = options.reserveBytes;
    this.#fileRoots = options.fileRoots;
  }

  path(sha256: string): string {
    return join(this.#directory, sha256);
  }

  has(sha256: string): Promise<boolean> {
    return fileExists(this.path(sha256));
  }

  /**
   * Fetches a package unless it is there; calls that come at the same time share one fetch. Aborted: rejects at once, also
   * while it waits for the fetch of another call.
   */
  async fetch(url: string, sha256: string, signal: AbortSignal): Promise<void> {
    const turn = this.#turns.run(sha256, () => this.#fetchUnlessThere(url, sha256, signal));
    await orAborted(turn, signal);
  }

  /**
   * Removes packages that no appliance wants, half-fetched ones included. `wanted` is called again before each, as a package may
   * be wanted again by then.
   */
  async prune(wanted: () => ReadonlySet<string>): Promise<void> {
    await makeDirectory(this.#directory);
    for (const name of await readdir(this.#directory)) {
      const sha256 = name.replace(PARTIAL_SUFFIX, '');
      if (wanted().has(sha256) || this.#turns.isBusy(sha256)) continue;
      this.#wrong.forget(sha256);
      await rm(join(this.#directory, name), { force: true });
    }
  }

  async #fetchUnlessThere(url: string, sha256: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await makeDirectory(this.#directory);
    if (await this.has(sha256)) return;
    const partial = this.path(sha256) + PARTIAL_SUFFIX;
    await download({
      url,
      sha256,
      path: partial,
      fileRoots: this.#fileRoots,
      signal,
      wrong: this.#wrong,
      ensureRoom: (missing) =>
        ensureSpace(this.#directory, `package ${shownUrl(url)}`, missing, this.#reserveBytes),
      onProgress: () => undefined,
    });
    await rename(partial, this.path(sha256));
    await syncDirectory(this.#directory);
  }
}
