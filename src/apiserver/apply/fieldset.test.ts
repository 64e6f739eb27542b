import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import type { JsonObject } from '../types.ts';
import { keyElement, printPath, valueElement } from './elements.ts';
import {
  difference,
  type FieldSet,
  fromFieldsV1,
  intersection,
  isEmpty,
  pathsOf,
  recursiveDifference,
  setOf,
  toFieldsV1,
  union,
} from './fieldset.ts';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"a"}', 'v:1');
const path = fc.array(element, { minLength: 1, maxLength: 3 });
const paths = fc.array(path, { maxLength: 6 });

function texts(set: FieldSet): Set<string> {
  return new Set(pathsOf(set).map((steps) => steps.join(' ')));
}

function textsOf(list: readonly string[][]): string[] {
  return [...new Set(list.map((steps) => steps.join(' ')))];
}

describe('sets of fields', () => {
  it('are sets: union, intersection and difference go path by path', () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const [a, b] = [setOf(...left), setOf(...right)];
        const [inA, inB] = [textsOf(left), textsOf(right)];
        expect(texts(union(a, b))).toEqual(new Set([...inA, ...inB]));
        expect(texts(intersection(a, b))).toEqual(new Set(inA.filter((text) => inB.includes(text))));
        const rest = inA.filter((text) => !inB.includes(text));
        expect(texts(difference(a, b))).toEqual(new Set(rest));
        expect(isEmpty(difference(a, b))).toBe(rest.length === 0);
        const outside = rest.filter((text) => !inB.some((other) => text.startsWith(`${other} `)));
        expect(texts(recursiveDifference(a, b))).toEqual(new Set(outside));
      }),
    );
  });

  it('come back from FieldsV1 as they went', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const set = setOf(...list);
        expect(texts(fromFieldsV1(toFieldsV1(set)))).toEqual(texts(set));
      }),
    );
  });

  it('read FieldsV1 that others wrote: keys in any order, kinds of elements that nobody knows', () => {
    const fields: JsonObject = { 'f:l': { 'k:{"z":1,"a":"x<"}': { '.': {}, 'f:n': {} }, 'x:new': {} } };
    expect(toFieldsV1(fromFieldsV1(fields))).toEqual({
      'f:l': { 'k:{"a":"x\\u003c","z":1}': { '.': {}, 'f:n': {} } },
    });
  });

  it('list their paths as kube does: fields before items, numbers by value', () => {
    const ports = [443, 80].map((port) => ['f:spec', 'f:ports', keyElement({ port })]);
    const set = setOf(...ports, ['f:spec', 'f:set', valueElement('x')], ['f:spec', 'f:name']);
    expect(pathsOf(set).map(printPath)).toEqual([
      '.spec.name',
      '.spec.ports[port=80]',
      '.spec.ports[port=443]',
      '.spec.set[="x"]',
    ]);
  });
});
