import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../types.ts';
import { strategicMerge } from './strategic-merge.ts';

const KEYS = { 'metadata.ownerReferences': 'uid', secrets: 'name' };

const LIVE: JsonObject = {
  metadata: {
    finalizers: ['a', 'b'],
    ownerReferences: [
      { uid: '1', name: 'x' },
      { uid: '2', name: 'y' },
    ],
  },
  data: { one: '1', two: '2' },
  secrets: [{ name: 'p' }, { name: 'q', kind: 'K' }],
};

describe('strategicMerge', () => {
  it.each<[string, JsonObject, JsonObject]>([
    [
      'merges maps, and removes by null',
      { data: { two: null, three: '3' } },
      { data: { one: '1', three: '3' } },
    ],
    ['replaces a map when told to', { data: { $patch: 'replace', z: '9' } }, { data: { z: '9' } }],
    ['keeps only the keys named', { data: { $retainKeys: ['two'] } }, { data: { two: '2' } }],
    [
      'merges lists by key',
      { secrets: [{ name: 'q', kind: 'L' }, { name: 'r' }] },
      { secrets: [{ name: 'p' }, { name: 'q', kind: 'L' }, { name: 'r' }] },
    ],
    [
      'removes an item by key',
      { secrets: [{ name: 'p', $patch: 'delete' }] },
      { secrets: [{ name: 'q', kind: 'K' }] },
    ],
    [
      'replaces a list when told to',
      { secrets: [{ $patch: 'replace' }, { name: 'only' }] },
      { secrets: [{ name: 'only' }] },
    ],
    [
      'orders a list',
      { '$setElementOrder/secrets': [{ name: 'q' }, { name: 'p' }] },
      { secrets: [{ name: 'q', kind: 'K' }, { name: 'p' }] },
    ],
  ])('%s', (_, patch, expected) => {
    expect(strategicMerge(LIVE, patch, KEYS)).toEqual({ ...LIVE, ...expected });
  });

  it('treats finalizers as a set', () => {
    const added = strategicMerge(LIVE, { metadata: { finalizers: ['b', 'c'] } }, KEYS);
    expect((added.metadata as JsonObject).finalizers).toEqual(['a', 'b', 'c']);
    const removed = strategicMerge(
      LIVE,
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } },
      KEYS,
    );
    expect((removed.metadata as JsonObject).finalizers).toEqual(['b']);
  });

  it('leaves its arguments alone', () => {
    const before = structuredClone(LIVE);
    strategicMerge(LIVE, { data: { one: 'changed' }, secrets: [{ name: 'p', kind: 'M' }] }, KEYS);
    expect(LIVE).toEqual(before);
  });

  it('refuses items without their key', () => {
    expect(() => strategicMerge(LIVE, { secrets: [{ kind: 'K' }] }, KEYS)).toThrow(
      'does not contain declared merge key: name',
    );
  });
});
