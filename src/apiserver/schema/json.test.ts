import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { cloneJson } from './json.ts';

describe('cloneJson', () => {
  it('makes an equal value that shares nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(cloneJson(value)).toEqual(value);
      }),
    );
    const original = { list: [{ name: 'a' }], absent: undefined };
    const copy = cloneJson(original);
    expect(copy).toStrictEqual(original);
    expect(copy.list).not.toBe(original.list);
    expect(copy.list[0]).not.toBe(original.list[0]);
  });

  it('takes a field called __proto__ for a field', () => {
    const copy = cloneJson(JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>);
    expect(Object.keys(copy)).toEqual(['__proto__']);
    expect(copy.polluted).toBeUndefined();
  });
});
