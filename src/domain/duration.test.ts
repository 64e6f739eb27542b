import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['168h', 604_800_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['2m5s', 125_000],
  ])('%s is read as milliseconds', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '0h', '1d', '5', '1m1h', '-1h'])('%j is none', (text) =>
    expect(() => parseDuration(text)).toThrow(/is no duration: write/),
  );
});
