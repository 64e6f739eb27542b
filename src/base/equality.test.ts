import { describe, expect, it } from 'vitest';
import { fc } from '../../test/fuzz.ts';
import { containsJson, isSameJson } from './equality.ts';

describe('isSameJson', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, true],
    [{ a: [1, 2] }, { a: [2, 1] }, false],
    [{ a: [] }, { a: {} }, false],
    [{ a: null }, {}, false],
    [{ a: '1' }, { a: 1 }, false],
    [undefined, {}, false],
    [{ constructor: 1 }, {}, false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(isSameJson(a, b)).toBe(expected);
    expect(isSameJson(b, a)).toBe(expected);
  });

  it('agrees with the text of the JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(isSameJson(a, JSON.parse(JSON.stringify(a)))).toBe(true);
        if (isSameJson(a, b)) {
          expect(JSON.parse(JSON.stringify(a))).toEqual(JSON.parse(JSON.stringify(b)));
        }
      }),
    );
  });
});

describe('containsJson', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: { b: 1, c: 2 } }, { a: { c: 2 } }, true],
    [{ a: [{ b: 1, isDefault: true }] }, { a: [{ b: 1 }] }, true],
    [{ a: [1, 2] }, { a: [1] }, false],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [undefined, { a: 1 }, false],
  ])('%j has all of %j: %s', (whole, part, expected) => {
    expect(containsJson(whole, part)).toBe(expected);
  });
});
