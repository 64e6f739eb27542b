import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;
const OWNER_ONLY = 0o600;

/**
 * A file that takes space on the database's disk, so that deletions, which write before they free anything, have room when the disk
 * is full.
 */
export class Reserve {
  readonly #path: string;
  readonly #bytes: number;
  #held = 0;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** Whether all of it is held. */
  get whole(): boolean {
    return this.#held >= this.#bytes;
  }

  /** Takes as much as there is; returns whether that is all. Throws nothing. */
  take(): boolean {
    if (this.#bytes === 0) return true;
    try {
      this.#held = this.#open((fd) => this.#grow(fd));
    } catch {
      // There is not even room for the file; what is missing is taken later.
      this.#held = 0;
    }
    return this.whole;
  }

  /** Gives the space back; returns whether there was any. */
  release(): boolean {
    const had = this.#held > 0;
    this.#held = 0;
    if (had) this.#open((fd) => ftruncateSync(fd, 0));
    return had;
  }

  #grow(fd: number): number {
    let { size } = fstatSync(fd);
    try {
      while (size < this.#bytes) {
        // Random, since some file systems store nothing for zeros.
        const wanted = Math.min(CHUNK_BYTES, this.#bytes - size);
        size += writeSync(fd, randomBytes(wanted));
      }
    } catch {
      // The disk, or a quota, is full; the file has what was left.
      return fstatSync(fd).size;
    }
    return size;
  }

  #open<T>(use: (fd: number) => T): T {
    const fd = openSync(this.#path, 'a+', OWNER_ONLY);
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  }
}
