import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { appended } from './appended.ts';

describe('what is new at the end of a text', () => {
  it.each([
    ['', 'a', 'a'],
    ['ab', 'abcd', 'cd'],
    ['abcd', 'cdef', 'ef'],
    ['abcd', 'abcd', ''],
    ['abcd', 'xyz', 'xyz'],
    ['abcd', '', ''],
    ['aab', 'abab', 'ab'],
  ])('after %j, of %j, is %j', (seen, now, expected) => {
    expect(appended(seen, now)).toBe(expected);
  });

  it('is what follows the longest overlap', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (seen, now) => {
        const overlaps = Array.from({ length: now.length + 1 }, (_, length) => now.length - length);
        const longest = overlaps.find((length) => seen.endsWith(now.slice(0, length))) ?? 0;
        const expected = now.startsWith(seen) ? now.slice(seen.length) : now.slice(longest);
        expect(appended(seen, now)).toBe(expected);
      }),
    );
  });

  it('is found at once, whatever a guest prints', () => {
    const letters = 'a'.repeat(1_000_000);
    const before = performance.now();
    expect(appended(`${letters}b`, `${letters}c`)).toBe(`${letters}c`);
    // Comparing at each place would take an hour.
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});
