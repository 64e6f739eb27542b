import { describe, expect, it } from 'vitest';
import { appended } from './logs.ts';

describe('what is new at the end of a console', () => {
  it.each([
    ['', 'a', 'a'],
    ['ab', 'abcd', 'cd'],
    ['abcd', 'cdef', 'ef'],
    ['abcd', 'abcd', ''],
    ['abcd', 'xyz', 'xyz'],
  ])('after %j, of %j, is %j', (seen, now, expected) => {
    expect(appended(seen, now)).toBe(expected);
  });
});
