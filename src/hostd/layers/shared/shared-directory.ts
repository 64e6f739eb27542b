import { randomUUID } from 'node:crypto';
import { access, constants, link, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Cancel, type Clock, sleep } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { codeOf, type HostError, hostErrors, toHostError } from '../../errors/index.ts';
import { makeDirectory, readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';
import type { DiskFormat } from '../transfer/unfinished-file.ts';

const MARK = 'coppice-shared.json';
/** A directory that takes longer to answer counts as silent, in milliseconds. */
const ANSWER_MS = 5_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type SharedDirectoryOptions = {
  readonly path: string;
  /** Where this host notes which directory it was; outside of it. */
  readonly record: string;
  /** Of the Host, for people who look into the directory. */
  readonly hostName: string;
  readonly diskFormat: DiskFormat;
  readonly clock: Clock;
  /** How often the directory is looked at, in milliseconds. */
  readonly lookMs: number;
};

/** What this host notes. `member` is its name in the directory: names of Hosts may be the same in two clusters. */
type Membership = { readonly member: string; readonly directory?: string };

/**
 * A directory that hosts share, such as a mount of one NFS export. A file in it has its id, by which the operator knows that two hosts have
 * the same one, and this host that nothing else is mounted there. An empty mount point is no new directory where there was one before.
 */
export class SharedDirectory {
  readonly path: string;
  readonly #options: SharedDirectoryOptions;
  /** Undefined until its record was read. */
  #membership: Membership | undefined;
  #problem: HostError | undefined;
  #looking: Promise<HostError | undefined> | undefined;
  #isClosed = false;
  #cancel: Cancel = () => undefined;

  constructor(options: SharedDirectoryOptions) {
    this.#options = options;
    this.path = options.path;
  }

  /** Looks at the directory for the first time. What is wrong with it does not keep the daemon from starting. */
  async open(): Promise<void> {
    this.#problem = await this.#look();
  }

  /** Looks at intervals from now on. @param onChange the directory can no longer be used, can be used again, or has another problem */
  start(onChange: () => void): void {
    const { clock, lookMs } = this.#options;
    this.#cancel = clock.schedule(lookMs, () => {
      void this.#look().then((found) => {
        if (this.#isClosed) return;
        const isNews = found?.message !== this.#problem?.message;
        this.#problem = found;
        if (isNews) onChange();
        this.start(onChange);
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** This host's name in the directory, as soon as that could be used. */
  get member(): string {
    return this.#membership?.member ?? '';
  }

  /** Which directory it is; undefined while that was never known. */
  get id(): string | undefined {
    return this.#membership?.directory;
  }

  /** Why it cannot be used. */
  get problem(): HostError | undefined {
    return this.#problem;
  }

  /** Looks whether it is still mounted: before something is written there, which would be lost on the disk below. @throws HostError why it cannot be used */
  async confirm(): Promise<void> {
    if (this.#problem !== undefined) throw this.#problem;
    const mark = await readMark(this.path);
    if (mark?.id !== this.id) throw hostErrors.sharedDirectoryNotMounted(this.path, this.id ?? '');
  }

  /** Never rejects. A look that hangs, as at a server that is away, is not begun a second time. */
  async #look(): Promise<HostError | undefined> {
    this.#looking ??= this.#find()
      .then(() => undefined, toHostError)
      .finally(() => {
        this.#looking = undefined;
      });
    const waiting = new AbortController();
    const silent = sleep(this.#options.clock, ANSWER_MS, waiting.signal).then(
      () => hostErrors.sharedDirectorySilent(this.path),
      () => undefined,
    );
    const found = await Promise.race([this.#looking, silent]);
    waiting.abort();
    return found;
  }

  /** Finds out which directory it is. @throws HostError why it cannot be used */
  async #find(): Promise<void> {
    const { path, diskFormat, record } = this.#options;
    this.#membership ??= await this.#readRecord();
    const { directory: known, member } = this.#membership;
    const mark = await this.#markThere(known).catch((error: unknown) => {
      throw codeOf(error) === undefined ? error : hostErrors.sharedDirectoryUnusable(path, error);
    });
    if (known !== undefined && known !== mark.id)
      throw hostErrors.sharedDirectoryOther(path, known, mark.id, record);
    if (mark.diskFormat !== diskFormat)
      throw hostErrors.sharedDirectoryFormat(path, mark.diskFormat, diskFormat);
    if (known === undefined) await this.#join(mark.id, member);
  }

  /** @param known the id that it had before */
  async #markThere(known: string | undefined): Promise<Mark> {
    const { path } = this.#options;
    const found = await stat(path);
    if (!found.isDirectory()) throw hostErrors.sharedDirectoryUnusable(path, new Error('it is no directory'));
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const mark = await readMark(path);
    if (mark !== undefined) return mark;
    if (known !== undefined) throw hostErrors.sharedDirectoryNotMounted(path, known);
    return await this.#found();
  }

  /** Makes the id, unless another host did so meanwhile. */
  async #found(): Promise<Mark> {
    const { path, diskFormat } = this.#options;
    const own = join(path, `.${MARK}.${randomUUID()}`);
    try {
      await writeJsonDurably(own, { version: 1, id: randomUUID(), diskFormat });
      await link(own, join(path, MARK));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      await rm(own, { force: true });
    }
    const mark = await readMark(path);
    if (mark === undefined) throw hostErrors.sharedDirectoryDamaged(join(path, MARK));
    return mark;
  }

  /** Writes its name there, which shows that it may write, before it notes that this is its directory. */
  async #join(directory: string, member: string): Promise<void> {
    const { path, record, hostName } = this.#options;
    // Made here only: an empty mount point has none, so that nothing can be put there.
    for (const name of ['hosts', 'layers', 'unfinished']) await makeDirectory(join(path, name));
    await writeJsonDurably(join(path, 'hosts', `${member}.json`), { host: hostName });
    await writeJsonDurably(record, { version: 1, member, directory });
    this.#membership = { member, directory };
  }

  async #readRecord(): Promise<Membership> {
    const { record } = this.#options;
    const found = await readJson(record);
    if (found === undefined) return { member: randomUUID() };
    const { member, directory } = found;
    if (!isUuid(member) || !isUuid(directory)) throw hostErrors.sharedDirectoryDamaged(record);
    return { member, directory };
  }
}

type Mark = { readonly id: string; readonly diskFormat: string };

async function readMark(path: string): Promise<Mark | undefined> {
  const file = join(path, MARK);
  const found = await readJson(file);
  if (found === undefined) return undefined;
  const { id, diskFormat } = found;
  if (!isUuid(id) || typeof diskFormat !== 'string') throw hostErrors.sharedDirectoryDamaged(file);
  return { id, diskFormat };
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const found = await readJsonIfThere(file).catch((error: unknown) => {
    throw error instanceof SyntaxError ? hostErrors.sharedDirectoryDamaged(file) : error;
  });
  if (found === undefined || isRecord(found)) return found;
  throw hostErrors.sharedDirectoryDamaged(file);
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/** Opens the directory that a host's daemon is called with, if it is called with one. */
export async function openSharedDirectory(daemon: {
  readonly sharedDirectory?: string;
  readonly stateDirectory: string;
  readonly name: string;
  readonly driver: { readonly images: { readonly diskFormat: DiskFormat } };
  readonly clock: Clock;
  readonly measureMs: number;
  readonly log: Logger;
}): Promise<SharedDirectory | undefined> {
  const { sharedDirectory: path, stateDirectory, name: hostName, driver, clock, measureMs } = daemon;
  if (path === undefined) return undefined;
  const { diskFormat } = driver.images;
  const record = join(stateDirectory, 'shared.json');
  const directory = new SharedDirectory({ path, record, hostName, diskFormat, clock, lookMs: measureMs });
  await directory.open();
  const { problem } = directory;
  if (problem !== undefined) daemon.log.warn({ err: problem }, 'the shared directory cannot be used');
  return directory;
}
