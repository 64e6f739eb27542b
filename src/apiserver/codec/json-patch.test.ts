import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../types.ts';
import { applyJsonPatch, JsonPatchError, readOperations, unknownFields } from './json-patch.ts';

const document = () => ({ a: { b: 1 }, list: ['x', 'y'], 'c/d~e': true });
const patched = (...operations: JsonObject[]) => applyJsonPatch(document(), operations);

describe('a JSON patch', () => {
  it.each<[string, JsonObject, object]>([
    ['adds a field', { op: 'add', path: '/a/c', value: 2 }, { a: { b: 1, c: 2 } }],
    ['adds null where no value is given', { op: 'add', path: '/a/c' }, { a: { b: 1, c: null } }],
    ['removes a field', { op: 'remove', path: '/a/b' }, { a: {} }],
    ['replaces what is not there', { op: 'replace', path: '/new', value: 1 }, { new: 1 }],
    ['copies null from where nothing is', { op: 'copy', path: '/new', from: '/none' }, { new: null }],
    ['appends', { op: 'add', path: '/list/-', value: 'z' }, { list: ['x', 'y', 'z'] }],
    ['inserts from the end', { op: 'add', path: '/list/-1', value: 'z' }, { list: ['x', 'y', 'z'] }],
    ['removes from the end', { op: 'remove', path: '/list/-1' }, { list: ['x'] }],
    ['moves', { op: 'move', path: '/list/0', from: '/list/1' }, { list: ['y', 'x'] }],
    ['reads escapes', { op: 'replace', path: '/c~1d~0e', value: false }, { 'c/d~e': false }],
    ['passes a test for null of nothing', { op: 'test', path: '/none', value: null }, {}],
  ])('%s', (_, operation, expected) => {
    expect(patched(operation)).toEqual({ ...document(), ...expected });
  });

  it.each<[string, JsonObject]>([
    ['removes what is not there', { op: 'remove', path: '/none' }],
    ['moves what is not there', { op: 'move', path: '/a/c', from: '/none' }],
    ['moves into itself', { op: 'move', path: '/a/b/c', from: '/a' }],
    ['goes through what is no object', { op: 'add', path: '/a/b/c', value: 1 }],
    ['goes past the end of a list', { op: 'add', path: '/list/3', value: 1 }],
    ['names no index', { op: 'replace', path: '/list/-', value: 1 }],
    ['fails its test', { op: 'test', path: '/a/b', value: 2 }],
    ['adds everything', { op: 'add', path: '', value: {} }],
    ['replaces everything by what is no object', { op: 'replace', path: '', value: 7 }],
    ['would change a prototype', { op: 'add', path: '/a/__proto__', value: {} }],
    ['has no path', { op: 'add', value: 1 }],
    ['does what is unheard of', { op: 'grow', path: '/a' }],
  ])('is refused that %s', (_, operation) => {
    expect(() => patched(operation)).toThrow(JsonPatchError);
  });

  it('may not copy a value until it fills the memory', () => {
    const doubled = (times: number) =>
      patched(...Array.from({ length: times }, () => ({ op: 'copy', path: '/list/-', from: '/list' })));
    expect(JSON.stringify(doubled(16)).length).toBeGreaterThan(500_000);
    expect(() => doubled(30)).toThrow(JsonPatchError);
  });

  it('may not nest values without end', () => {
    const deeper = [
      { op: 'add', path: '/b', value: {} },
      { op: 'move', from: '/a', path: '/b/a' },
      { op: 'move', from: '/b', path: '/a' },
    ];
    const nested = (times: number) => patched(...Array.from({ length: times }, () => deeper).flat());
    expect(nested(900)).toBeDefined();
    expect(() => nested(3000)).toThrow(JsonPatchError);
  });

  it('leaves its own values alone', () => {
    const value = { n: 1 };
    patched({ op: 'add', path: '/new', value }, { op: 'replace', path: '/new/n', value: 2 });
    expect(value).toEqual({ n: 1 });
  });

  it.each([{}, [7], [{ op: 'add', path: 7 }]])('is refused as %j', (sent) => {
    expect(() => readOperations(sent)).toThrow('error decoding patch: json: cannot unmarshal');
  });

  it('may have fields that mean nothing, of which it tells', () => {
    const operations = readOperations([null, { op: 'add', path: '/a', more: 1 }]);
    expect(unknownFields(operations)).toEqual(['json patch unknown field "[1].more"']);
  });
});
