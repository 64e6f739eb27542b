import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../types.ts';
import { ApplyError } from './apply.ts';
import { Story } from './testing/story.ts';

// What is expected here was seen on kube-apiserver 1.36, with the same schema and the same sequences.

describe('serverSideApply', () => {
  it('records who applied what, in the notation of FieldsV1', () => {
    const story = new Story();
    story.apply('m1', {
      spec: {
        name: 'ab',
        set: ['a'],
        atomic: [{ a: 'x' }],
        atomicMap: { x: '1' },
        env: { k: 'v' },
        services: [{ name: 'b', ports: [{ port: 80 }, { port: 443, protocol: 'UDP', note: 'x' }] }],
      },
    });
    expect(story.live?.metadata.managedFields).toEqual([
      {
        manager: 'm1',
        operation: 'Apply',
        apiVersion: 'fix.dev/v1',
        time: '2026-01-01T00:01:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:name': {},
            'f:set': { 'v:"a"': {} },
            'f:atomic': {},
            'f:atomicMap': {},
            'f:env': { 'f:k': {} },
            'f:services': {
              'k:{"name":"b"}': {
                '.': {},
                'f:name': {},
                'f:ports': {
                  'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
                  'k:{"port":443,"protocol":"UDP"}': {
                    '.': {},
                    'f:note': {},
                    'f:port': {},
                    'f:protocol': {},
                  },
                },
              },
            },
          },
        },
      },
    ]);
  });

  it('lets managers share an object, and removes only what nobody else owns', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', mode: 'A' } });
    story.apply('m2', { metadata: { labels: { x: '1' } }, spec: { name: 'ab', level: 1 } });
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': { 'f:mode': {}, 'f:name': {} } },
      'm2 Apply': { 'f:metadata': { 'f:labels': { 'f:x': {} } }, 'f:spec': { 'f:level': {}, 'f:name': {} } },
    });
    story.apply('m2', { spec: { name: 'ab' } });
    expect(story.live?.metadata.labels).toBeUndefined();
    expect(story.spec).toEqual({ name: 'ab', mode: 'A' });
    story.apply('m1', { spec: {} });
    expect(story.spec).toEqual({ name: 'ab' });
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': {} },
      'm2 Apply': { 'f:spec': { 'f:name': {} } },
    });
  });

  it('changes nothing, not even a time, when the same is applied again', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', services: [{ name: 'a' }] } });
    const before = structuredClone(story.live);
    story.apply('m1', { spec: { services: [{ name: 'a' }], name: 'ab' } });
    expect(story.live).toEqual(before);
  });

  it('keeps the time of a manager that gains or loses a field whose value does not change', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', mode: 'A' } });
    story.apply('m2', { spec: { mode: 'A' } });
    expect(story.times).toEqual({ 'm1 Apply': '01', 'm2 Apply': undefined });
    story.apply('m1', { spec: { name: 'ab' } });
    expect(story.times).toEqual({ 'm1 Apply': '01', 'm2 Apply': undefined });
    story.apply('m1', { spec: { name: 'cd' } });
    expect(story.times).toEqual({ 'm1 Apply': '04', 'm2 Apply': undefined });
  });

  it('refuses to change what others own, and says whose it is', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', mode: 'A', services: [{ name: 'a', size: 1 }] } });
    story.update('edit', { spec: { name: 'ab', mode: 'A', level: 1, services: [{ name: 'a', size: 1 }] } });
    const before = structuredClone(story.live);
    const conflicts = story.apply('m2', {
      spec: { mode: 'B', level: 2, services: [{ name: 'a', size: 2 }] },
    });
    expect(conflicts.map(({ manager, operation, field }) => [manager, operation, field])).toEqual([
      ['m1', 'Apply', '.spec.mode'],
      ['m1', 'Apply', '.spec.services[name="a"].size'],
      ['edit', 'Update', '.spec.level'],
    ]);
    expect(story.live).toEqual(before);
  });

  it('takes fields over by force', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', mode: 'A' } });
    expect(story.apply('m2', { spec: { mode: 'B' } }, { force: true })).toEqual([]);
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': { 'f:name': {} } },
      'm2 Apply': { 'f:spec': { 'f:mode': {} } },
    });
    story.apply('m1', { spec: { name: 'ab' } });
    expect(story.spec).toEqual({ name: 'ab', mode: 'B' });
  });

  it('merges map-type lists by key, in the order of the manifest', () => {
    const story = new Story();
    story.apply('m1', {
      spec: {
        services: [
          { name: 'a', size: 1 },
          { name: 'b', ports: [{ port: 80 }] },
        ],
      },
    });
    story.apply('m2', {
      spec: { services: [{ name: 'c' }, { name: 'a', image: 'i' }, { name: 'b', ports: [{ port: 8 }] }] },
    });
    expect(story.spec).toEqual({
      services: [
        { name: 'c' },
        { name: 'a', size: 1, image: 'i' },
        { name: 'b', ports: [{ port: 80 }, { port: 8 }] },
      ],
    });
    story.apply('m1', { spec: { services: [{ name: 'b' }, { name: 'a', size: 2 }] } });
    story.apply('m2', { spec: {} });
    expect(story.spec).toEqual({ services: [{ name: 'b' }, { name: 'a', size: 2 }] });
  });

  it('merges sets, and replaces atomic lists and maps whole', () => {
    const story = new Story();
    story.apply('m1', { spec: { set: ['a', 'b'], atomic: [{ a: 'x' }], atomicMap: { x: '1' } } });
    story.apply('m2', { spec: { set: ['c', 'b'] } });
    expect(story.spec).toMatchObject({ set: ['a', 'c', 'b'] });
    const conflicts = story.apply('m2', {
      spec: { set: ['c', 'b'], atomic: [{ a: 'y' }], atomicMap: { x: '2' } },
    });
    expect(conflicts.map(({ field }) => field)).toEqual(['.spec.atomic', '.spec.atomicMap']);
    story.apply('m1', { spec: { set: ['b'] } });
    expect(story.spec).toEqual({ set: ['c', 'b'] });
  });

  it('keeps ownership through the status endpoint apart', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab' } });
    const status = { subresource: 'status' } as const;
    story.apply(
      'ctl',
      { spec: { name: 'zz' }, status: { phase: 'Run', conditions: [{ type: 'Ready' }] } },
      status,
    );
    story.apply('m1', { metadata: { labels: { l: 'm' } }, status: { replicas: 1 } }, status);
    expect(story.live).toMatchObject({ spec: { name: 'ab' }, status: { phase: 'Run', replicas: 1 } });
    expect(story.live?.metadata.labels).toBeUndefined();
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': { 'f:name': {} } },
      'ctl Apply status': {
        'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:type': {} } }, 'f:phase': {} },
      },
      'm1 Apply status': { 'f:status': { 'f:replicas': {} } },
    });
    const [conflict] = story.apply('other', { status: { phase: 'Stop' } }, status);
    expect(conflict).toMatchObject({ manager: 'ctl', subresource: 'status', field: '.status.phase' });
  });

  it('deduces the types of what has no schema: maps merge, lists are atomic', () => {
    const story = new Story();
    story.apply('m1', { spec: { free: { a: { b: [1, 2] }, c: null, d: {} } } });
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': { 'f:free': { 'f:a': { '.': {}, 'f:b': {} }, 'f:c': {}, 'f:d': {} } } },
    });
    expect(story.apply('m2', { spec: { free: { a: { b: [3], e: 1 } } } }).map(({ field }) => field)).toEqual([
      '.spec.free.a.b',
    ]);
  });

  it('leaves null where everything in a field goes but the field is still applied, as kube does', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', source: { a: 'x' } } });
    story.apply('m1', { spec: { name: 'ab', source: {} } });
    expect(story.spec).toEqual({ name: 'ab', source: null });
  });

  it('gives fields without a known owner to before-first-apply', () => {
    const story = new Story();
    story.update('m0', { spec: { name: 'ab', mode: 'A' } });
    story.update('m0', { metadata: { managedFields: [{}] } });
    expect(story.owners).toEqual({});
    const [conflict] = story.apply('m1', { spec: { mode: 'B' } });
    expect(conflict).toMatchObject({
      manager: 'before-first-apply',
      operation: 'Update',
      field: '.spec.mode',
    });
  });

  it('tracks nothing that the server itself keeps', () => {
    const story = new Story();
    const metadata = { generateName: 'x-', labels: { a: 'b' }, finalizers: ['x/y'] };
    story.apply('m1', { metadata: { ...metadata, uid: 'u', generation: 3, creationTimestamp: null } });
    expect(story.owners).toEqual({
      'm1 Apply': {
        'f:metadata': { 'f:finalizers': { 'v:"x/y"': {} }, 'f:generateName': {}, 'f:labels': { 'f:a': {} } },
      },
    });
  });

  it.each<[string, JsonObject, string]>([
    ['an unknown field', { spec: { bogus: 1 } }, '.spec.bogus: field not declared in schema'],
    [
      'doubles',
      { spec: { services: [{ name: 'a' }, { name: 'a' }] } },
      '.spec.services: duplicate entries for key [name="a"]',
    ],
    ['doubles in a set', { spec: { set: ['a', 'a'] } }, '.spec.set: duplicate entries for key [="a"]'],
    [
      'an item without its key',
      { spec: { services: [{ size: 1 }] } },
      '.spec.services: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
    [
      'null in a set',
      { spec: { set: [null] } },
      ".spec.set: element 0: associative list without keys has an element that's an explicit null",
    ],
    [
      'wrong types',
      { spec: { name: 1, level: 'x', set: 'a', flag: 'x' } },
      'errors:\n  .spec.flag: expected boolean, got &{x}\n  .spec.level: expected numeric (int or float), got string\n  .spec.name: expected string, got &value.valueUnstructured{Value:1}\n  .spec.set: expected list, got &{a}',
    ],
  ])('refuses %s', (_, fields, message) => {
    const error = new ApplyError(
      500,
      `failed to create typed patch object (default/t; fix.dev/v1, Kind=Thing): ${message}`,
    );
    expect(() => new Story().apply('m1', fields)).toThrow(error);
  });

  it('refuses manifests with managedFields', () => {
    expect(() => new Story().apply('m1', { metadata: { managedFields: [] } })).toThrow(
      'metadata.managedFields must be nil',
    );
  });
});
