import { type FileHandle, open } from 'node:fs/promises';
import type { Content, Extent } from './scan.ts';

/** A file whose bytes are its content: a kernel, an initial RAM disk. */
export class RawContent implements Content {
  readonly virtualBytes: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, virtualBytes: number) {
    this.#file = file;
    this.virtualBytes = virtualBytes;
  }

  static async open(path: string): Promise<RawContent> {
    const file = await open(path, 'r');
    try {
      return new RawContent(file, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async *extents(): AsyncGenerator<Extent> {
    if (this.virtualBytes > 0) yield { start: 0, length: this.virtualBytes, kind: 'data' };
  }

  async read(target: Buffer, start: number): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await this.#file.read(target, done, target.length - done, start + done);
      if (bytesRead === 0) return void target.fill(0, done);
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
