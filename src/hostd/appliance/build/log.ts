import { open, stat } from 'node:fs/promises';
import { ifThere } from '../../files/if-there.ts';

/** More is not kept: a step may print without end. */
const LARGEST_LOG_BYTES = 8 * 1024 * 1024;
const FULL = '\n[coppice] the log is full: what follows is not kept\n';

/** What the steps of a build print, with a line of Coppice's before each step: a file beside the appliance's disk. */
export class BuildLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** In bytes. */
  async size(): Promise<number> {
    return (await ifThere(stat(this.#path)))?.size ?? 0;
  }

  /** Says what Coppice does. */
  async tell(text: string): Promise<void> {
    await this.append(Buffer.from(`[coppice] ${text}\n`));
  }

  /** Adds to it; without effect when it is full. Resolves with whether there is room for more. */
  async append(data: Uint8Array): Promise<boolean> {
    const size = await this.size();
    if (size >= LARGEST_LOG_BYTES) return false;
    const isLast = size + data.length + FULL.length >= LARGEST_LOG_BYTES;
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.appendFile(isLast ? Buffer.concat([data, Buffer.from(FULL)]) : data);
    } finally {
      await file.close();
    }
    return !isLast;
  }

  /** The last bytes of it; undefined when there is none. */
  async tail(bytes: number): Promise<string | undefined> {
    const file = await ifThere(open(this.#path, 'r'));
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat();
      const length = Math.min(size, bytes);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, size - length);
      return buffer.subarray(0, bytesRead).toString();
    } finally {
      await file.close();
    }
  }
}
