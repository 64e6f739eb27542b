import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../types.ts';
import { fieldMatcher, parseFieldSelector } from './field-selector.ts';
import { parseLabelSelector } from './label-selector.ts';

const LABELS = { app: 'web', tier: 'front', size: '5', 'example.com/x': '' };

describe('parseLabelSelector', () => {
  it.each([
    ['app=web', true],
    ['app==db', false],
    ['app!=db', true],
    ['missing!=x', true],
    ['app in (db, web),tier notin (back)', true],
    ['app notin (web)', false],
    ['missing', false],
    ['!missing', true],
    ['example.com/x=', true],
    ['size>4,size<6', true],
    ['size>5', false],
  ])('%s: %s', (selector, expected) => {
    expect(parseLabelSelector(selector)?.(LABELS)).toBe(expected);
  });

  it.each([
    ['!!', "unable to parse requirement: found '!', expected: identifier"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a in (b', "found '', expected: ',' or ')'"],
    ['-a', 'name part must consist of alphanumeric characters'],
    ['a=b!', "found '!', expected: ',' or 'end of string'"],
  ])('refuses %j', (selector, message) => {
    expect(() => parseLabelSelector(selector)).toThrow(message);
  });

  it('lets everything through when empty', () => {
    expect([parseLabelSelector(undefined), parseLabelSelector(' ')]).toEqual([undefined, undefined]);
  });
});

describe('parseFieldSelector', () => {
  const getters = { 'metadata.name': (object: KubeObject) => object.metadata.name ?? '' };
  const object: KubeObject = { apiVersion: 'v1', kind: 'X', metadata: { name: 'a,b' } };

  const matches = (selector: string) => fieldMatcher(parseFieldSelector(selector), getters)?.(object);

  it.each([
    ['metadata.name=a\\,b', true],
    ['metadata.name!=a\\,b', false],
    ['metadata.name==c', false],
    ['metadata.name!=c,metadata.name=a\\,b', true],
    ['metadata.name!=x\\,metadata.name\\=a', true],
    ['', undefined],
    [',', undefined],
  ])('%s: %s', (selector, expected) => {
    expect(matches(selector)).toBe(expected);
  });

  it.each([
    ['spec.x=1', 'field label not supported: spec.x'],
    ['toString=1', 'field label not supported: toString'],
    ['nonsense', "invalid selector: 'nonsense'; can't understand 'nonsense'"],
    ['metadata.name=a=b', 'unescaped character in value: 61'],
    ['metadata.name=a\\b', 'invalid escape sequence: \\b'],
    ['metadata.name=a\\', 'invalid escape sequence: \\'],
  ])('refuses %j', (selector, message) => {
    expect(() => matches(selector)).toThrow(message);
  });
});
