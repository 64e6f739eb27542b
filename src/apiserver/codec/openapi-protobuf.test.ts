import { describe, expect, it } from 'vitest';
import { encodeOpenApiV2 } from './openapi-protobuf.ts';

describe('OpenAPI v2 as protobuf', () => {
  it('is written by the fields of gnostic', () => {
    const Thing = { type: 'object', properties: { n: { type: 'integer', minimum: -1, maxLength: 300 } } };
    const hex = (text: string) => Buffer.from(text).toString('hex');
    // Document: swagger (1); definitions (9) of one NamedSchema (1): name (1), value (2).
    const minimum = '49000000000000f0bf';
    const n = `b201090a07${hex('integer')}${minimum}58ac02`;
    const named = `0a016e12${(n.length / 2).toString(16)}${n}`;
    const properties = `0a${(named.length / 2).toString(16)}${named}`;
    const schema = `b201080a06${hex('object')}ca01${(properties.length / 2).toString(16)}${properties}`;
    const entry = `0a05${hex('Thing')}12${(schema.length / 2).toString(16)}${schema}`;
    const definitions = `0a${(entry.length / 2).toString(16)}${entry}`;
    expect(encodeOpenApiV2({ swagger: '2.0', definitions: { Thing } }).toString('hex')).toBe(
      `0a03${hex('2.0')}4a${(definitions.length / 2).toString(16)}${definitions}`,
    );
  });

  it('has extensions and defaults as text, and leaves out what it has no field for', () => {
    const bytes = encodeOpenApiV2({
      definitions: { T: { default: { a: 1 }, 'x-kubernetes-list-type': 'set', nullable: true } },
    });
    expect(bytes.toString('latin1')).toContain('{"a":1}\n');
    expect(bytes.toString('latin1')).toContain('x-kubernetes-list-type\x12\x08\x12\x06"set"\n');
    expect(bytes.toString('latin1')).not.toContain('nullable');
  });

  it.each([
    [false, '1000'],
    [true, '1001'],
  ])('tells whether there may be further properties: %s', (additionalProperties, item) => {
    const bytes = encodeOpenApiV2({ definitions: { T: { additionalProperties } } });
    expect(bytes.toString('hex')).toMatch(new RegExp(`aa0102${item}$`));
  });
});
