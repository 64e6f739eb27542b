import type { Logger } from 'pino';

/** Makes zeroes in a file holes. Resolves with why that is not possible, for people. */
export type DigHoles = (path: string, signal?: AbortSignal) => Promise<string | undefined>;

/**
 * Makes files of disks take no more room than they must: the tables of a qcow2 file are mostly zeroes, which would take more than what a
 * small layer holds. Where that is not possible, a layer is as good, and the log says so once.
 */
export class Compaction {
  readonly #digHoles: DigHoles;
  readonly #log: Logger;
  #isTold = false;

  constructor(digHoles: DigHoles, log: Logger) {
    this.#digHoles = digHoles;
    this.#log = log;
  }

  async run(file: string, signal?: AbortSignal): Promise<void> {
    const problem = await this.#digHoles(file, signal);
    if (problem === undefined || this.#isTold) return;
    this.#isTold = true;
    this.#log.warn(
      { file, problem },
      'zeroes in the files of layers take room here: they cannot be made holes',
    );
  }
}
