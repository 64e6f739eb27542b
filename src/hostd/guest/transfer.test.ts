import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { chunksOf } from './transfer.ts';

async function collect(chunks: AsyncIterable<Buffer>): Promise<readonly Buffer[]> {
  const collected: Buffer[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}

describe('chunksOf', () => {
  it('gives the same bytes in full pieces, the last one shorter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 20 }),
        async (content, size) => {
          const source = async function* () {
            yield* content;
          };
          const chunks = await collect(chunksOf(source(), size));
          expect(Buffer.concat(chunks)).toEqual(Buffer.concat(content));
          expect(chunks.slice(0, -1).every(({ length }) => length === size)).toBe(true);
          expect(chunks.every(({ length }) => length > 0 && length <= size)).toBe(true);
        },
      ),
    );
  });
});
