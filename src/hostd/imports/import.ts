import type { DesiredImport, ImportKey, ImportStatus, Problem } from '../../host/protocol.ts';
import type { FetchOptions } from '../layers/fetch-options.ts';
import type { FetchSlots } from '../layers/fetch-slots.ts';
import { summaryOf, templatesByUrl } from '../layers/sources.ts';
import type { ImportFolder, ImportRecord, SealLayer } from './import-folder.ts';
import { type Attempt, SourceFetch } from './source-fetch.ts';

export type ImportOptions = FetchOptions & {
  readonly slots: FetchSlots;
  readonly seal: SealLayer;
  readonly hasLayer: (identity: string) => boolean;
  readonly onChange: (changed: Import) => void;
};

type Progress = { readonly fetched: number; readonly total: number | undefined };

const PROGRESS_INTERVAL_MS = 1000;

/**
 * One file for the Templates of one namespace, as a disk or to boot from, from the request to the layer that it becomes. All its
 * sources are tried, each by itself: whoever names a dead one, or one that drips, holds up nobody who names another.
 */
export class Import {
  readonly key: ImportKey;
  readonly folder: ImportFolder;
  readonly #options: ImportOptions;
  /** By address. */
  readonly #sources = new Map<string, SourceFetch>();
  /** What is still coming to its end. */
  readonly #endings = new Set<Promise<void>>();
  #desired: DesiredImport;
  #sealed: ImportRecord | undefined;
  #arrived: Progress | undefined;
  #announcedAt = 0;
  #isRunning = false;

  constructor(folder: ImportFolder, desired: DesiredImport, options: ImportOptions) {
    const { kind, template } = desired;
    this.key = { sha256: folder.sha256, kind, namespace: template.split('/', 1)[0] ?? '' };
    this.folder = folder;
    this.#desired = desired;
    this.#options = options;
  }

  get desired(): DesiredImport {
    return this.#desired;
  }

  get ready(): boolean {
    return this.#sealed !== undefined;
  }

  /** The layer that the file became. */
  get identity(): string | undefined {
    return this.#sealed?.identity;
  }

  /** Why it is not here, unless one of its sources may give it any moment. It holds no address that not all its Templates name. */
  get problem(): Problem | undefined {
    return this.ready ? undefined : summaryOf([...this.#sources.values()]);
  }

  /** Uses the layer if it is here. */
  async look(): Promise<void> {
    this.#sealed = await this.#find();
  }

  /** Fetches the file unless its layer is here. */
  start(): void {
    this.#isRunning = true;
    this.#follow();
  }

  /** Changes the sources: new ones are tried at once, those that stay go on. */
  change(desired: DesiredImport): void {
    this.#desired = desired;
    if (this.#isRunning) this.#follow();
  }

  /** Ends the fetch and keeps what arrived. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    for (const source of this.#sources.values()) this.#end(source);
    while (this.#endings.size > 0) await Promise.all(this.#endings);
  }

  status(): ImportStatus {
    const sealed = this.#sealed;
    const { problem } = this;
    const { fetched, total } = this.#progress();
    return {
      ...this.key,
      state: sealed !== undefined ? 'Ready' : this.#isFailed() ? 'Failed' : 'Fetching',
      template: this.#desired.template,
      fetchedBytes: fetched,
      ...(total === undefined ? {} : { totalBytes: total }),
      ...(sealed === undefined ? this.#course() : { identity: sealed.identity, seconds: sealed.seconds }),
      ...(this.#isQueued() ? { queued: true } : {}),
      ...(problem === undefined ? {} : { problem }),
      sources: this.#statusOfSources(),
    };
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
    if (!this.#sources.has(url)) await this.folder.discard(url).catch(() => undefined);
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

  #fetch(source: Pick<DesiredImport, 'kind' | 'url'>, attempt: Attempt): Promise<ImportRecord> {
    const { clock, images, reserveBytes, fileRoots, seal, takeUpload } = this.#options;
    const begun = clock.monotonic();
    const elapsed = () => (clock.monotonic() - begun) / 1000;
    const context = { images, reserveBytes, fileRoots, seal, elapsed, ...attempt };
    return this.folder.fetch(source, { ...context, takeUpload: (path) => takeUpload(this.key, path) });
  }

  async #find(): Promise<ImportRecord | undefined> {
    const record = await this.folder.readSealed();
    return record !== undefined && this.#options.hasLayer(record.identity) ? record : undefined;
  }

  #seal(record: ImportRecord, { fetched, total }: SourceFetch): void {
    if (this.ready) return;
    this.#sealed = record;
    this.#arrived = fetched === 0 ? undefined : { fetched, total };
    for (const source of this.#sources.values()) this.#end(source);
    this.#sources.clear();
    // What is left of other sources is removed at the next start, if not now.
    const others = Promise.all(this.#endings).then(() => this.folder.removeUnfinished());
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

  #progress(): Progress {
    const bytes = this.#sealed?.bytes;
    if (bytes !== undefined) return this.#arrived ?? { fetched: bytes, total: bytes };
    return this.#furthest() ?? { fetched: 0, total: undefined };
  }

  #furthest(): SourceFetch | undefined {
    const [first, ...others] = this.#sources.values();
    if (first === undefined) return undefined;
    return others.reduce((best, source) => (source.fetched > best.fetched ? source : best), first);
  }

  /** What is done now, and how fast. */
  #course(): Pick<ImportStatus, 'phase' | 'bytesPerSecond' | 'secondsLeft'> {
    const furthest = this.#furthest();
    return furthest === undefined ? {} : { phase: furthest.phase, ...furthest.forecast };
  }

  #statusOfSources(): ImportStatus['sources'] {
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
