import { describe, expect, it } from 'vitest';
import { describeBytes, formatBytes, formatCpu, parseBytes, parseCpu, QuantityError } from './quantity.ts';

describe('parseCpu', () => {
  it.each([
    ['500m', 500],
    ['2', 2000],
    [2, 2000],
    [0.1, 100],
    ['1.5', 1500],
    ['.5', 500],
    ['2.', 2000],
    ['+1', 1000],
    ['1e3', 1_000_000],
    ['100u', 1],
    ['1n', 1],
    ['0', 0],
    ['1k', 1_000_000],
  ])('reads %s as %i millicores', (text, millis) => {
    expect(parseCpu(text)).toBe(millis);
  });
});

describe('parseBytes', () => {
  it.each([
    ['1Gi', 1024 ** 3],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['0.1Ki', 103],
    ['64M', 64_000_000],
    ['1E', Number.MAX_SAFE_INTEGER],
    ['999999999999999Ti', Number.MAX_SAFE_INTEGER],
    ['128974848', 128_974_848],
    ['12e6', 12_000_000],
    ['1500m', 2],
    ['4Pi', 4 * 1024 ** 5],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['', ' ', '.', 'Gi', '1gi', '1 Gi', '1Gi1', '1e', '0x10', 'NaN', 'Infinity', '1e3Ki', '--1'])(
    'refuses "%s" and names it',
    (text) => {
      expect(() => parseBytes(text)).toThrow(QuantityError);
      expect(() => parseBytes(text)).toThrow(`"${text.trim()}"`);
    },
  );

  it('refuses what is negative', () => {
    expect(() => parseBytes('-1Gi')).toThrow('byte quantity "-1Gi" is negative: give zero or more');
  });
});

describe('formatting', () => {
  it.each([
    [2000, '2'],
    [1500, '1500m'],
    [0, '0'],
  ])('writes %i millicores as %s', (millis, text) => {
    expect(formatCpu(millis)).toBe(text);
    expect(parseCpu(text)).toBe(millis);
  });

  it.each([
    [0, '0'],
    [1023, '1023'],
    [1024, '1Ki'],
    [1.5 * 1024 ** 3, '1536Mi'],
    [1024 ** 3 + 1, '1073741825'],
  ])('writes %i bytes exactly, as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    [-5, '0'],
    [1023, '1023'],
    [2 * 1024 ** 3 - 1, '1.9Gi'],
    [512 * 1024 ** 2, '512Mi'],
  ])('describes %i bytes, never as more than they are, as %s', (bytes, text) => {
    expect(describeBytes(bytes)).toBe(text);
  });
});
