import { describe, expect, it } from 'vitest';
import { mediaRanges } from './accept-header.ts';
import { negotiate, plainFormat } from './negotiate.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const METADATA = `${PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`;

describe('mediaRanges', () => {
  it.each([
    ['b/b;q=0.5,a/a', 'a/a b/b'],
    ['a/a,b/b', 'a/a b/b'],
    ['*/*,a/*,a/a', 'a/a a/* */*'],
    ['*/*;q=0.9,a/a;q=0.1', 'a/a */*'],
    ['a/a;q=none,b/b;q=0.1', 'b/b a/a'],
    ['*,a,a/b/c, c/c ', 'c/c */*'],
    ['', ''],
  ])('sorts %s as Go does', (accept, expected) => {
    expect(
      mediaRanges(accept)
        .map(({ type, subtype }) => `${type}/${subtype}`)
        .join(' '),
    ).toBe(expected);
  });
});

describe('negotiate', () => {
  const get = { verb: 'get', name: 'x', about: 'built-in' } as const;
  const custom = { ...get, about: 'custom' } as const;
  const json = { format: 'json', as: undefined, apiVersion: '' };

  it.each([
    [undefined, get, json],
    ['*/*', get, json],
    [`${TABLE},application/json`, get, { format: 'json', as: 'Table', apiVersion: 'meta.k8s.io/v1' }],
    ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', get, json],
    [`${PROTOBUF},application/json`, get, { ...json, format: 'protobuf' }],
    [`${PROTOBUF};q=0.5,application/json`, get, json],
    [`${PROTOBUF},application/json`, custom, json],
    [METADATA, custom, { format: 'protobuf', as: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' }],
    ['application/*', custom, json],
    ['application/yaml', get, { ...json, format: 'yaml' }],
  ])('takes the first wish of %s that it can meet', (accept, asked, expected) => {
    expect(negotiate(accept, asked)).toEqual(expected);
  });

  it.each([
    ['text/html', get, 'Available representations: application/json, application/yaml'],
    ['application/*', get, 'Available representations'],
    ['Application/JSON', get, 'Available representations'],
    [`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`, get, 'only the following media types are accepted'],
    [PROTOBUF, custom, 'only the following media types are accepted'],
    [TABLE, { ...get, about: 'review' } as const, 'only the following media types are accepted'],
    ['application/yaml', { ...get, verb: 'watch' }, 'application/json;stream=watch, '],
    ['text/html', { ...get, verb: 'list', name: undefined }, 'application/json;stream=watch'],
  ])('says what it could have sent instead of %s', (accept, asked, expected) => {
    expect(() => negotiate(accept, asked)).toThrow(expected);
  });
});

describe('plainFormat', () => {
  it.each([
    [undefined, 'json'],
    [METADATA, undefined],
    [`${METADATA},application/yaml`, 'yaml'],
    ['image/png', undefined],
  ])('of %s is %s', (accept, expected) => {
    expect(plainFormat(accept)).toBe(expected);
  });
});
