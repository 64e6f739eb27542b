import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../types.ts';
import { parseFieldSelector } from './field-selector.ts';
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
    ['a in b', "unable to parse requirement: found 'b', expected: '('"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a in (b', "expected: ',', ')' or identifier"],
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

  it.each([
    ['metadata.name=a\\,b', true],
    ['metadata.name!=a\\,b', false],
    ['metadata.name==c', false],
  ])('%s: %s', (selector, expected) => {
    expect(parseFieldSelector(selector, getters)?.matches(object)).toBe(expected);
  });

  it('refuses fields that cannot be selected by', () => {
    expect(() => parseFieldSelector('spec.x=1', getters)).toThrow('field label not supported: spec.x');
    expect(() => parseFieldSelector('toString=1', getters)).toThrow('field label not supported: toString');
    expect(() => parseFieldSelector('nonsense', getters)).toThrow('invalid selector');
  });
});
