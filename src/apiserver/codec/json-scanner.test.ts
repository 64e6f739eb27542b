import { describe, expect, it } from 'vitest';
import { scanJson } from './json-scanner.ts';

describe('the problem of a text', () => {
  // Each message is what Go's encoding/json says of the same text.
  it.each([
    ['{bad', "invalid character 'b' looking for beginning of object key string"],
    ['', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['-', 'unexpected end of JSON input'],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
  ])('says of %j: %s', (text, problem) => {
    expect(scanJson(text)).toEqual({ problem });
  });

  it('has nothing to say of JSON', () => {
    const text = ' {"a": [1, -2.5e+3, true, null, "\\u00e9"], "b": {}} ';
    expect(scanJson(text)).toEqual({ problem: undefined, duplicates: [] });
  });
});

describe('duplicate fields', () => {
  it('are named once', () => {
    const text = '{"a":{"b":1,"b":2,"b":3},"c":[{"d":1},{"d":1,"d":2}],"a":0}';
    expect(scanJson(text)).toMatchObject({ duplicates: ['a.b', 'c[1].d', 'a'] });
  });
});
