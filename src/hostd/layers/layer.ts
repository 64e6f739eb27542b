import type { DesiredLayer, LayerStatus, Problem } from '../../host/protocol.ts';
import { type HostError, hostErrors } from '../errors/index.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { FetchSlots } from './fetch-slots.ts';
import type { LayerDirectory, LayerRecord } from './layer-directory.ts';
import { type Attempt, SourceFetch } from './source-fetch.ts';
import { summaryOf, templatesByUrl } from './sources.ts';

export type LayerOptions = FetchOptions & {
  readonly slots: FetchSlots;
  readonly onChange: (layer: Layer) => void;
};

type Progress = { readonly fetched: number; readonly total: number | undefined };

const PROGRESS_INTERVAL_MS = 1000;

/**
 * One file on this host, as a disk or to boot from, from the request to store it to the sealed file. All its sources are tried, each
 * by itself: whoever names a dead one, or one that drips, holds up nobody who names another.
 */
export class Layer {
  readonly sha256: string;
  readonly #directory: LayerDirectory;
  readonly #options: LayerOptions;
  /** By address. */
  readonly #sources = new Map<string, SourceFetch>();
  /** What is still coming to its end. */
  readonly #endings = new Set<Promise<void>>();
  #desired: DesiredLayer;
  #sealed: LayerRecord | undefined;
  #arrived: Progress | undefined;
  #announcedAt = 0;
  #isRunning = false;

  constructor(directory: LayerDirectory, desired: DesiredLayer, options: LayerOptions) {
    this.sha256 = directory.sha256;
    this.#directory = directory;
    this.#desired = desired;
    this.#options = options;
  }

  get desired(): DesiredLayer {
    return this.#desired;
  }

  get ready(): boolean {
    return this.#sealed !== undefined;
  }

  /** Why it is not here, unless one of its sources may give it any moment. It holds no address that not all its Templates name. */
  get problem(): Problem | undefined {
    return this.ready ? undefined : summaryOf([...this.#sources.values()]);
  }

  get directory(): LayerDirectory {
    return this.#directory;
  }

  get filePath(): string {
    return this.#directory.filePath(this.#desired.kind);
  }

  /** Uses the sealed file if there is one. A fault of that file is ignored here: `start` finds and reports it. */
  async look(): Promise<void> {
    this.#sealed = await this.#find().catch(() => undefined);
  }

  /** Fetches the layer unless its sealed file exists. */
  start(): void {
    this.#isRunning = true;
    this.#follow();
  }

  /** Changes the sources: new ones are tried at once, those that stay go on. */
  change(desired: DesiredLayer): void {
    this.#desired = desired;
    if (this.#isRunning) this.#follow();
  }

  /** Ends the fetch and keeps what arrived. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    for (const source of this.#sources.values()) this.#end(source);
    while (this.#endings.size > 0) await Promise.all(this.#endings);
  }

  status(heldBy: readonly string[]): LayerStatus {
    const sealed = this.#sealed;
    const { problem } = this;
    const { fetched, total } = this.#progress();
    return {
      sha256: this.sha256,
      kind: this.#desired.kind,
      state: sealed !== undefined ? 'Ready' : this.#isFailed() ? 'Failed' : 'Fetching',
      template: this.#desired.template,
      fetchedBytes: fetched,
      ...(total === undefined ? {} : { totalBytes: total }),
      ...(sealed?.virtualBytes === undefined ? {} : { virtualBytes: sealed.virtualBytes }),
      ...(sealed?.bootable === undefined ? {} : { bootable: sealed.bootable }),
      ...(sealed?.content === undefined ? {} : { content: sealed.content }),
      ...(sealed === undefined ? {} : { storedBytes: sealed.file.bytes, seconds: sealed.seconds }),
      ...(this.#isQueued() ? { queued: true } : {}),
      ...(problem === undefined ? {} : { problem }),
      sources: this.#statusOfSources(),
      heldBy,
    };
  }

  /** The error for an appliance that waits for this layer. */
  notReady(): HostError {
    return hostErrors.layerNotReady(this.sha256, this.problem);
  }

  /** Begins and ends fetches, so that there is one for each source while the layer is missing. */
  #follow(): void {
    if (this.ready) return;
    const wanted = templatesByUrl(this.#desired);
    for (const [url, source] of this.#sources) {
      if (wanted.has(url)) continue;
      this.#sources.delete(url);
      this.#track(this.#discard(url, source));
    }
    for (const [url, templates] of wanted) {
      if (this.#sources.has(url)) continue;
      const source = this.#fetchFrom(url, templates[0]?.split('/', 1)[0] ?? '');
      this.#sources.set(url, source);
      source.start();
    }
  }

  /** Ends the fetch from a source that no Template names any more, and frees what it took. */
  async #discard(url: string, source: SourceFetch): Promise<void> {
    await source.stop();
    // What cannot be removed now is removed with the layer, or when the layer is ready.
    if (!this.#sources.has(url)) await this.#directory.discard(url).catch(() => undefined);
  }

  #fetchFrom(url: string, owner: string): SourceFetch {
    const { kind } = this.#desired;
    const changed = () => this.#options.onChange(this);
    return new SourceFetch({
      ...this.#options,
      url,
      owner,
      find: () => this.#find(),
      attempt: (following) => this.#fetch({ kind, url }, following),
      onSealed: (record, source) => this.#seal(record, source),
      onProgress: () => this.#announce(),
      onStanding: changed,
    });
  }

  #fetch(source: Pick<DesiredLayer, 'kind' | 'url'>, attempt: Attempt): Promise<LayerRecord> {
    const { clock, images, reserveBytes, fileRoots } = this.#options;
    const begun = clock.monotonic();
    const elapsed = () => (clock.monotonic() - begun) / 1000;
    return this.#directory.fetch(source, { images, reserveBytes, fileRoots, elapsed, ...attempt });
  }

  async #find(): Promise<LayerRecord | undefined> {
    return await this.#directory.readSealed(this.#desired.kind);
  }

  #seal(record: LayerRecord, { fetched, total }: SourceFetch): void {
    if (this.ready) return;
    this.#sealed = record;
    this.#arrived = fetched === 0 ? undefined : { fetched, total };
    for (const source of this.#sources.values()) this.#end(source);
    this.#sources.clear();
    // What is left of other sources is removed at the next start, if not now.
    const others = Promise.all(this.#endings).then(() => this.#directory.removeUnfinished());
    this.#track(others.catch(() => undefined));
    this.#options.onChange(this);
  }

  #end(source: SourceFetch): void {
    this.#track(source.stop());
  }

  #track(work: Promise<void>): void {
    const ending = work.finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  #isFailed(): boolean {
    const sources = [...this.#sources.values()];
    return sources.length > 0 && sources.every(({ stalled }) => stalled);
  }

  /** Whether none of its sources gives anything, and one of them waits for its turn. */
  #isQueued(): boolean {
    const sources = [...this.#sources.values()];
    const isIdle = ({ queued, problem }: SourceFetch) => queued || problem !== undefined;
    return sources.some(({ queued }) => queued) && sources.every(isIdle);
  }

  /** Of the source that is furthest. */
  #progress(): Progress {
    const bytes = this.#sealed?.file.bytes;
    if (bytes !== undefined) return this.#arrived ?? { fetched: bytes, total: bytes };
    const none: Progress = { fetched: 0, total: undefined };
    return [...this.#sources.values()].reduce<Progress>(
      (best, source) => (source.fetched > best.fetched ? source : best),
      none,
    );
  }

  #statusOfSources(): NonNullable<LayerStatus['sources']> {
    const statuses = [...templatesByUrl(this.#desired)].flatMap(([url, templates]) => {
      const problem = this.ready ? undefined : this.#sources.get(url)?.problem;
      return templates.map((template) => ({ template, ...(problem === undefined ? {} : { problem }) }));
    });
    return statuses.sort((a, b) => (a.template < b.template ? -1 : 1));
  }

  #announce(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#announcedAt < PROGRESS_INTERVAL_MS) return;
    this.#announcedAt = now;
    this.#options.onChange(this);
  }
}
