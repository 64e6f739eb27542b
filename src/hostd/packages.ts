import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { orAborted } from '../base/abort.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import { shownUrl } from '../base/shown-url.ts';
import { makeDirectory, PARTIAL_SUFFIX, syncDirectory, syncFile } from './files/durable-files.ts';
import { fileExists } from './files/if-there.ts';
import { ensureSpace } from './files/space.ts';
import { download } from './layers/download.ts';
import { WrongContent } from './layers/wrong-content.ts';

/** Fetches one package from all its addresses at once; the first success ends the others. */
type Arrival = { readonly here: AbortController; fetches: number };

/** The packages that services are installed from: files named by their sha256, kept while an appliance here needs them. */
export class PackageCache {
  readonly #directory: string;
  readonly #reserveBytes: number;
  readonly #fileRoots: readonly string[];
  readonly #turns = new KeyedMutex();
  readonly #wrong = new WrongContent();
  /** By digest, while it is being fetched. */
  readonly #arrivals = new Map<string, Arrival>();

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
   * Fetches a package unless it is there; calls that name the same address at the same time share one fetch. Another address for the
   * same package is asked beside it, and what arrives first serves all. Aborted: rejects at once, also while it waits for the fetch
   * of another call.
   */
  async fetch(url: string, sha256: string, signal: AbortSignal): Promise<void> {
    const turn = this.#turns.run(`${sha256} ${url}`, () => this.#fetchUnlessThere(url, sha256, signal));
    await orAborted(turn, signal);
  }

  /**
   * Removes packages that no appliance wants, half-fetched ones included. `wanted` is called again before each, as a package may
   * be wanted again by then.
   */
  async prune(wanted: () => ReadonlySet<string>): Promise<void> {
    await makeDirectory(this.#directory);
    for (const name of await readdir(this.#directory)) {
      const [sha256 = ''] = name.split('.', 1);
      // What other addresses gave of a package that is here is not needed.
      const isLeft = name !== sha256 && (await this.has(sha256));
      if (this.#arrivals.has(sha256) || (wanted().has(sha256) && !isLeft)) continue;
      this.#wrong.forget(sha256);
      await rm(join(this.#directory, name), { force: true });
    }
  }

  async #fetchUnlessThere(url: string, sha256: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await makeDirectory(this.#directory);
    if (await this.has(sha256)) return;
    const arrival = this.#arrivalOf(sha256);
    arrival.fetches += 1;
    try {
      await this.#fetchFrom(url, sha256, AbortSignal.any([signal, arrival.here.signal]));
      arrival.here.abort();
    } catch (error) {
      // Another address gave it meanwhile.
      if (!arrival.here.signal.aborted) throw error;
    } finally {
      arrival.fetches -= 1;
      if (arrival.fetches === 0) this.#arrivals.delete(sha256);
    }
  }

  async #fetchFrom(url: string, sha256: string, signal: AbortSignal): Promise<void> {
    const partial = this.#partialOf(url, sha256);
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
    await syncFile(partial);
    await rename(partial, this.path(sha256));
    await syncDirectory(this.#directory);
  }

  #arrivalOf(sha256: string): Arrival {
    const arrival = this.#arrivals.get(sha256) ?? { here: new AbortController(), fetches: 0 };
    this.#arrivals.set(sha256, arrival);
    return arrival;
  }

  #partialOf(url: string, sha256: string): string {
    const digest = createHash('sha256').update(url).digest('hex').slice(0, 16);
    return `${this.path(sha256)}.${digest}${PARTIAL_SUFFIX}`;
  }
}
