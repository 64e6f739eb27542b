import { describe, expect, it } from 'vitest';
import { GoTimeError, normalTime } from './go-time.ts';

// What each text gives was seen on kube-apiserver 1.36; the differential suite asks it again.
describe('times as Go reads them', () => {
  it.each([
    ['2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z'],
    ['2030-01-01T00:00:00+00:00', '2030-01-01T00:00:00Z'],
    ['2029-12-31T18:30:00-05:30', '2030-01-01T00:00:00Z'],
    ['2030-01-01T00:00:00.999Z', '2030-01-01T00:00:00Z'],
    ['0000-01-01T00:00:00+01:00', '-0001-12-31T23:00:00Z'],
    ['9999-12-31T23:59:59-01:00', '10000-01-01T00:59:59Z'],
    ['0001-01-01T00:00:00Z', null],
  ])('writes %s in whole seconds as %s', (text, written) => {
    expect(normalTime(text, 'time')).toBe(written);
  });

  it.each([
    ['2030-01-01T00:00:00.123456Z', '2030-01-01T00:00:00.123456Z'],
    ['2030-01-01T02:00:00.000001+02:00', '2030-01-01T00:00:00.000001Z'],
  ])('writes %s in microseconds as %s', (text, written) => {
    expect(normalTime(text, 'microTime')).toBe(written);
  });

  it.each([
    ['now', 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
    ['2030-13-01T00:00:00Z', 'parsing time "2030-13-01T00:00:00Z": month out of range'],
    ['2030-02-29T00:00:00Z', 'parsing time "2030-02-29T00:00:00Z": day out of range'],
    ['2030-01-01T00:00:00ZZ', 'parsing time "2030-01-01T00:00:00ZZ": extra text: "Z"'],
  ])('refuses %s in the words of Go', (text, message) => {
    expect(() => normalTime(text, 'time')).toThrow(new GoTimeError(message));
  });

  it('takes a time in microseconds with six decimals only', () => {
    expect(() => normalTime('2030-01-01T00:00:00Z', 'microTime')).toThrow('cannot parse "Z" as ".000000"');
    expect(() => normalTime('2030-01-01T00:00:00.1234567Z', 'microTime')).toThrow(
      'cannot parse "7Z" as "Z07:00"',
    );
  });
});
