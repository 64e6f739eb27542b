import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fc } from '../../../../test/fuzz.ts';
import { writeSparsely } from './write.ts';

const PAGE = 4096;

describe('bytes that are written sparsely', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-write-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Writes pages of zeroes and of data, and a last one that is not whole; resolves with what is there, and what it takes. */
  async function written(pages: readonly boolean[], rest: number, isRestData: boolean) {
    const parts = [...pages.map((isData) => Buffer.alloc(PAGE, isData ? 1 : 0))];
    const bytes = Buffer.concat([...parts, Buffer.alloc(rest, isRestData ? 1 : 0)]);
    const path = join(folder, 'file');
    const file = await open(path, 'w+');
    try {
      await file.truncate(PAGE + bytes.length);
      await writeSparsely(file, bytes, PAGE);
      await file.sync();
      const content = Buffer.alloc(bytes.length);
      await file.read(content, 0, content.length, PAGE);
      return { isSame: content.equals(bytes), taken: (await stat(path)).blocks * 512 };
    } finally {
      await file.close();
    }
  }

  it('are those bytes, and whole pages of zeroes take no room', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.integer({ min: 0, max: PAGE - 1 }),
        fc.boolean(),
        async (pages, rest, isRestData) => {
          const { isSame, taken } = await written(pages, rest, isRestData);
          expect(isSame).toBe(true);
          // ext4 notes where more than four pieces are in a page of its own.
          const forPieces = pages.length > 4 ? 1 : 0;
          const mostPages = pages.filter((isData) => isData).length + (rest > 0 ? 1 : 0) + forPieces;
          expect(taken).toBeLessThanOrEqual(mostPages * PAGE);
        },
      ),
    );
  });
});
