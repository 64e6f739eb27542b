import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../types.ts';
import { type Decoder, decodeStruct } from './go-decode.ts';
import { type GoStruct, listOf, mapOf, pointer, texts, zeroStruct } from './go-types.ts';

const PART: GoStruct = {
  name: 'Part',
  fields: { ...texts('name', 'note'), count: 'int32' },
  always: ['name'],
};
const THING: GoStruct = {
  name: 'Thing',
  fields: {
    title: 'string',
    size: pointer('int64'),
    data: mapOf('bytes'),
    labels: mapOf('string'),
    parts: listOf(PART),
    first: PART,
    other: pointer(PART),
    since: 'time',
    rules: listOf('string'),
  },
  always: ['rules'],
};
const EMPTY = { first: { name: '' }, since: null, rules: null };

function decoded(object: JsonObject, decoder?: Decoder): unknown {
  const findings = decodeStruct(object, THING, decoder);
  return findings.problem ?? (findings.unknown.length > 0 ? findings.unknown : object);
}

describe('decoding as Go does', () => {
  it.each([
    [{ title: null, size: null, data: null, parts: null, other: null, since: null, rules: null }],
    [{ title: '', labels: {}, parts: [], data: {}, first: {} }],
    [{}],
  ])('leaves out what is nothing: %j', (object) => {
    expect(decoded(object as JsonObject)).toEqual(EMPTY);
  });

  it('keeps what a pointer points to, even when that is nothing', () => {
    expect(decoded({ size: 0, other: {} })).toEqual({ ...EMPTY, size: 0, other: { name: '' } });
  });

  it('reads a null in a map or list as the zero value', () => {
    const object = { data: { a: null }, labels: { a: null }, parts: [null] };
    expect(decoded(object)).toEqual({ ...EMPTY, data: { a: '' }, labels: { a: '' }, parts: [{ name: '' }] });
  });

  it('names unknown fields by their whole paths', () => {
    expect(decoded({ parts: [{}, { shoe: 1 }], hat: 1 })).toEqual(['parts[1].shoe', 'hat']);
  });

  it.each([
    [{ title: 7 }, 'json: cannot unmarshal number into Go struct field Thing.title of type string'],
    [{ size: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field Thing.size of type int64'],
    [
      { parts: [{ count: '' }] },
      'json: cannot unmarshal string into Go struct field Part.parts.count of type int32',
    ],
    [{ data: { a: 'x' } }, 'illegal base64 data at input byte 0'],
    [{ since: 'now' }, 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
  ])('refuses %j in the words of its JSON decoder', (object, problem) => {
    expect(decoded(object)).toBe(problem);
  });

  it.each([
    [{ title: 7 }, 'cannot convert int64 to string'],
    [{ title: [] }, 'unrecognized type: string'],
    [{ parts: {} }, 'cannot restore slice from map'],
    [{ labels: '' }, 'cannot restore map from string'],
    [{ first: 0 }, 'cannot restore struct from: int64'],
    [{ since: 0 }, 'json: cannot unmarshal number into Go value of type string'],
  ])('refuses %j in the words of its converter', (object, problem) => {
    expect(decoded(object, 'converter')).toBe(problem);
  });

  it('knows what an object of which nothing is set looks like', () => {
    expect(zeroStruct(THING)).toEqual(EMPTY);
  });
});
