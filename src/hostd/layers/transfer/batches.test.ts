import { describe, expect, it } from 'vitest';
import { fc } from '../../../../test/fuzz.ts';
import { ManifestBuilder } from '../content/manifest.ts';
import { missingBatches, rangesOf, runsOf } from './batches.ts';
import { PresenceMap } from './presence-map.ts';
import { chunksInRanges } from './protocol.ts';

/** One letter per chunk: `0` zeroes, `-` the parent's, `d` data that is missing, `p` data that is present. */
function sceneOf(letters: string) {
  const builder = new ManifestBuilder();
  for (const letter of letters) {
    if (letter === '0') builder.add('zero', 1);
    else if (letter === '-') builder.add('parent', 1);
    else builder.addData(Buffer.alloc(32, 1));
  }
  const data = [...letters].filter((letter) => letter === 'd' || letter === 'p');
  const present = new PresenceMap(data.length);
  for (const [rank, letter] of data.entries()) if (letter === 'p') present.add(rank);
  return { manifest: builder.build(), present };
}

describe('what is asked for', () => {
  it('is each missing chunk once, in order, no more than the limit at a time', () => {
    const letters = fc.string({ unit: fc.constantFrom('0', '-', 'd', 'p'), maxLength: 60 });
    fc.assert(
      fc.property(letters, fc.integer({ min: 1, max: 9 }), (text, limit) => {
        const { manifest, present } = sceneOf(text);
        const batches = [...missingBatches(manifest, present, limit)];
        expect(batches.flat()).toEqual([...text].flatMap((letter, at) => (letter === 'd' ? [at] : [])));
        for (const batch of batches.slice(0, -1)) expect(batch).toHaveLength(limit);
        for (const batch of batches) {
          const ranges = rangesOf(batch);
          expect(chunksInRanges(ranges)).toBe(batch.length);
          const named = ranges.flatMap(({ first, count }) =>
            Array.from({ length: count }, (_, at) => first + at),
          );
          expect(named).toEqual(batch);
        }
      }),
    );
  });

  it('has as few ranges as there can be', () => {
    expect(rangesOf([1, 2, 3, 5, 8, 9])).toEqual([
      { first: 1, count: 3 },
      { first: 5, count: 1 },
      { first: 8, count: 2 },
    ]);
  });

  it('is divided where a run would be too long', () => {
    expect(runsOf([1, 2, 3, 4, 5, 7], (a, b) => b === a + 1, 2)).toEqual([[1, 2], [3, 4], [5], [7]]);
  });

  it('is not what arrived meanwhile', () => {
    const { manifest, present } = sceneOf('dddd');
    const batches = missingBatches(manifest, present, 2);
    expect(batches.next().value).toEqual([0, 1]);
    present.add(2);
    expect(batches.next().value).toEqual([3]);
  });
});
