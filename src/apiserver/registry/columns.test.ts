import { describe, expect, it } from 'vitest';
import { ageOf, humanDuration } from './columns.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('humanDuration', () => {
  it.each([
    [0, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [9 * MINUTE + 59 * SECOND, '9m59s'],
    [10 * MINUTE + 30 * SECOND, '10m'],
    [179 * MINUTE, '179m'],
    [3 * HOUR, '3h'],
    [7 * HOUR + 59 * MINUTE, '7h59m'],
    [47 * HOUR, '47h'],
    [2 * DAY, '2d'],
    [7 * DAY + 23 * HOUR, '7d23h'],
    [8 * DAY + HOUR, '8d'],
    [729 * DAY, '729d'],
    [730 * DAY, '2y'],
    [800 * DAY, '2y70d'],
    [3000 * DAY, '8y'],
    [-500, '0s'],
    [-5 * SECOND, '<invalid>'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });
});

describe('ageOf', () => {
  it('knows when it does not know', () => {
    expect([ageOf(undefined, 0), ageOf(null, 0), ageOf('nonsense', 0)]).toEqual([
      '<unknown>',
      '<unknown>',
      '<unknown>',
    ]);
    expect(ageOf('1970-01-01T00:00:00Z', 5000)).toBe('5s');
  });
});
