import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type Clock, type Random, sleep } from '../../../base/clock.ts';
import { tryFileLock } from '../../../hostd/files/file-lock.ts';
import { ensureCredentials } from '../credentials.ts';
import type { Layout } from '../layout.ts';
import { lockWithin } from '../lock.ts';
import { type Platform, supervisedParts } from '../platform.ts';
import { findPart, logFile, type Part, rememberPart, SUPERVISOR, startPart } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { type SupervisorReport, writeReport } from './report.ts';
import { Restarts } from './restarts.ts';

export interface SupervisorOptions {
  readonly layout: Layout;
  readonly settings: Settings;
  /** The program to start the parts with. */
  readonly cliMain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** `coppice up` takes the lock for a moment, to see whether a supervisor has it. */
const PATIENCE_MS = 3000;
const LOOK_MS = 1000;
/** Reading the certificates and checking them takes milliseconds. */
const CERTIFICATES_MS = 10_000;

/**
 * Starts the parts of a local Coppice again when they end, and renews its certificates, until the signal fires or the data
 * directory is removed. Commands that start or stop parts hold the data directory's lock: meanwhile nothing is started here.
 * Rejects when another supervisor works on this data directory, or its certificates can be neither read nor made.
 */
export async function supervise(options: SupervisorOptions, signal: AbortSignal): Promise<void> {
  const { layout, clock, log } = options;
  const lock = await lockWithin(layout.supervisorLock, PATIENCE_MS);
  if (lock === undefined) throw new Error(`another supervisor works on ${layout.root}`);
  try {
    // One that a person started has other arguments than those by which `coppice down` would recognise it.
    await rememberPart(layout, SUPERVISOR, process.pid);
    const supervisor = await Supervisor.create(options);
    log.info({ dataDir: layout.root }, 'supervising');
    while (!signal.aborted && (await exists(layout.settings))) {
      await supervisor.look();
      // Only the signal ends the sleep early, and the loop sees it.
      await sleep(clock, LOOK_MS, signal).catch(() => undefined);
    }
    if (!signal.aborted) log.warn(`${layout.settings} is gone: nothing is supervised any more`);
  } finally {
    await lock.release();
  }
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #platform: Platform;
  readonly #restarts: Restarts;
  #certificatesAt: number;
  #certificateProblem: string | undefined;
  #reported = '';

  private constructor(options: SupervisorOptions, platform: Platform) {
    this.#options = options;
    this.#platform = platform;
    this.#restarts = new Restarts(options.clock, options.random);
    this.#certificatesAt = options.clock.monotonic();
  }

  static async create(options: SupervisorOptions): Promise<Supervisor> {
    const { layout, settings, cliMain, clock } = options;
    const credentials = await ensureCredentials(layout, settings, clock.now());
    return new Supervisor(options, { layout, settings, credentials, cliMain });
  }

  /** Looks once after everything. Failures are logged, and the next look tries again. */
  async look(): Promise<void> {
    const { log } = this.#options;
    await this.#renewCertificates();
    for (const part of supervisedParts(this.#platform)) {
      await this.#lookAfter(part).catch((error) => {
        log.error({ err: error, part: part.name }, 'a part could not be started again');
      });
    }
    await this.#report().catch((error) =>
      log.error({ err: error }, 'the report for `coppice status` cannot be written'),
    );
  }

  /** Parts that run follow the files by themselves. */
  async #renewCertificates(): Promise<void> {
    const { layout, settings, clock, log } = this.#options;
    if (clock.monotonic() - this.#certificatesAt < CERTIFICATES_MS) return;
    this.#certificatesAt = clock.monotonic();
    try {
      await ensureCredentials(layout, settings, clock.now());
      this.#certificateProblem = undefined;
    } catch (error) {
      const problem = sentenceOf(error);
      if (problem !== this.#certificateProblem) log.error({ err: error }, 'certificates cannot be renewed');
      this.#certificateProblem = problem;
    }
  }

  async #lookAfter(part: Part): Promise<void> {
    const { layout } = this.#options;
    if ((await findPart(layout, part.name)) !== undefined) {
      this.#restarts.runs(part.name);
      return;
    }
    if (!this.#restarts.isDue(part.name)) return;
    const lock = await tryFileLock(layout.commandLock);
    if (lock === undefined) return;
    try {
      await this.#startAgain(part);
    } finally {
      await lock.release();
    }
  }

  async #startAgain(part: Part): Promise<void> {
    const { layout, cliMain, log } = this.#options;
    // A command may have started it between the look and the lock.
    if ((await findPart(layout, part.name)) !== undefined) return;
    this.#restarts.starts(part.name);
    const { restarts } = this.#restarts.history(part.name);
    await startPart(layout, part, cliMain);
    log.warn(
      { part: part.name, restarts, see: logFile(layout, part.name) },
      `${part.name} had ended and is started again`,
    );
  }

  async #report(): Promise<void> {
    const histories = supervisedParts(this.#platform).map(({ name }) => [name, this.#restarts.history(name)]);
    const problem = this.#certificateProblem;
    const report: SupervisorReport = {
      pid: process.pid,
      parts: Object.fromEntries(histories),
      ...(problem === undefined ? {} : { certificateProblem: problem }),
    };
    const text = JSON.stringify(report);
    if (text === this.#reported) return;
    // Not tried again before there is something new to tell: on a full disk each try would add to the log.
    this.#reported = text;
    await writeReport(this.#options.layout, report);
  }
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
