import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Driver } from '../drivers/driver.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import type { SealedAppliance } from './capture.ts';

/** What is kept of a build: what its steps printed, and the end of what its VM wrote to its console. */
export type LogPart = 'build' | 'console';
export type LogFiles = Readonly<Record<LogPart, string>>;

/** Of the console; the log of the steps has a limit of its own (`LARGEST_LOG_BYTES`). */
const KEPT_CONSOLE_BYTES = 256 * 1024;

/**
 * The logs of the builds that became layers of this host: `<state>/build-logs/<layer>/<namespace>/`. Builds in two namespaces may end in
 * the same layer, and neither may read what the other one's steps printed. A layer never waits for its log: what cannot be kept is missing.
 */
export class BuildLogs {
  readonly #root: string;
  readonly #log: Logger;

  constructor(directory: string, log: Logger) {
    this.#root = directory;
    this.#log = log;
  }

  /** Removes the logs of layers that went while the daemon was killed. @param isHere whether the host has the layer */
  async open(isHere: (identity: string) => boolean): Promise<void> {
    await makeDirectory(this.#root);
    const gone = (await readdir(this.#root)).filter((identity) => !isHere(identity));
    for (const identity of gone) await this.layerGone(identity);
  }

  /** Gives the logs of an appliance that built these names, since the appliance goes. May be repeated. */
  async capture({ desired, directory }: SealedAppliance, driver: Driver, names: LogFiles): Promise<void> {
    await this.#try(desired.uuid, async () => {
      await rm(names.build, { force: true });
      await ifThere(link(directory.buildLogPath, names.build));
    });
    await this.#try(desired.uuid, async () => {
      const console = await driver.consoleTail(directory.path, KEPT_CONSOLE_BYTES);
      await writeDurably(names.console, console);
    });
  }

  /** Keeps captured logs with the layer, in place of those of an earlier build of the same layer. May be repeated. */
  async keep(identity: string, namespace: string, captured: LogFiles): Promise<void> {
    await this.#try(identity, async () => {
      const kept = this.filesOf(identity, namespace);
      const folder = join(this.#root, identity, namespace);
      await makeDirectory(folder);
      for (const part of ['build', 'console'] as const) {
        await rm(kept[part], { force: true });
        await ifThere(link(captured[part], kept[part]));
      }
      await syncDirectory(folder);
    });
  }

  /** Where the logs are, if they are. */
  filesOf(identity: string, namespace: string): LogFiles {
    const folder = join(this.#root, identity, namespace);
    return { build: join(folder, 'build.log'), console: join(folder, 'console.log') };
  }

  async layerGone(identity: string): Promise<void> {
    await rm(join(this.#root, identity), { recursive: true, force: true });
  }

  async #try(of: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.#log.warn({ err: error, of }, 'the log of a build cannot be kept'),
    );
  }
}
