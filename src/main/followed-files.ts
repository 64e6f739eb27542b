import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type Clock, sleep, systemClock } from '../base/clock.ts';
import { own } from '../base/own.ts';

/** Texts of files, or the files' paths, by what they are for. */
type Texts = Readonly<Record<string, string>>;

export interface FollowedFiles<T extends Texts> {
  readonly paths: T;
  /** Uses new texts from now on. If it throws or rejects, it is called again at the next look. */
  readonly use: (texts: T) => Promise<void> | void;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Something that runs until it is closed. */
interface Running {
  close(): Promise<void>;
}

/**
 * How often to look. Files that are renamed into place, links of mounted Secrets and network file systems are seen by looking, and
 * not by inotify.
 */
const LOOK_MS = 10_000;

/** Reads files; rejects when one cannot be read. */
export async function readTexts<T extends Texts>(paths: T): Promise<T> {
  const entries = Object.entries(paths).map(
    async ([name, path]) => [name, await readFile(path, 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(entries)) as T;
}

/**
 * Runs a program that reads files only when it starts. When they change, it is closed and started again with what is new.
 * @param prepare checks the texts, and throws when they cannot be used; returns what starts the program with them
 */
export async function runWithFiles<T extends Texts>(
  paths: T,
  prepare: (texts: T) => () => Promise<Running>,
  log: Logger,
): Promise<Running> {
  const texts = await readTexts(paths);
  let running: Running | undefined = await prepare(texts)();
  const use = async (changed: T) => {
    const start = prepare(changed);
    await running?.close();
    running = undefined;
    running = await start();
  };
  const follower = followFiles({ paths, use, log }, texts);
  return {
    close: async () => {
      await follower.close();
      await running?.close();
    },
  };
}

/**
 * Looks every 10 s whether files changed, until it is closed. What cannot be used is logged once, and what was in use stays.
 * @param current the texts that are in use
 */
export function followFiles<T extends Texts>(files: FollowedFiles<T>, current: T): Running {
  const stop = new AbortController();
  const following = keepLooking(files, current, stop.signal);
  return {
    close: async () => {
      stop.abort(new Error('the files are followed no more'));
      await following;
    },
  };
}

async function keepLooking<T extends Texts>(
  { paths, use, log, clock = systemClock }: FollowedFiles<T>,
  first: T,
  signal: AbortSignal,
): Promise<void> {
  const files = Object.values(paths);
  let current = first;
  let told: string | undefined;
  while (!signal.aborted) {
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, LOOK_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const texts = await readTexts(paths);
      if (Object.keys(texts).some((name) => own(texts, name) !== own(current, name))) {
        await use(texts);
        current = texts;
        log.info({ files }, 'files have changed, and what is new in them is used');
      }
      told = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== told) log.warn({ files }, `changed files cannot be used: ${problem}`);
      told = problem;
    }
  }
}
