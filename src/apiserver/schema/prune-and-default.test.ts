import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../types.ts';
import { compileSchema } from './compile.ts';
import { compiled, thing, thingSchema } from './testing/thing.ts';

describe('applyDefaults', () => {
  it('fills in defaults at all depths, and treats a null that is not allowed as absent', () => {
    const object = thing({
      spec: {
        name: 'ab',
        plain: null,
        withDefault: null,
        flag: null,
        items: [{ a: 'x', b: null }, { a: 'y' }],
      },
    });
    compiled.applyDefaults(object);
    expect(object.spec).toEqual({
      name: 'ab',
      withDefault: 'dd',
      flag: null,
      replicas: 1,
      items: [
        { a: 'x', b: 'bb' },
        { a: 'y', b: 'bb' },
      ],
      nested: { deep: { z: 5, w: 'ww' } },
    });
  });

  it('gives every object defaults of its own', () => {
    const [one, two] = [thing({ spec: { name: 'ab' } }), thing({ spec: { name: 'ab' } })];
    compiled.applyDefaults(one);
    compiled.applyDefaults(two);
    ((one.spec as JsonObject).nested as JsonObject).deep = {};
    expect((two.spec as JsonObject).nested).toEqual({ deep: { z: 5, w: 'ww' } });
  });

  it('keeps nulls without a default for validation to refuse, after server-side apply', () => {
    const object = thing({ spec: { name: 'ab', plain: null, withDefault: null } });
    compiled.applyDefaults(object, { keepNulls: true });
    expect(object.spec).toMatchObject({ plain: null, withDefault: 'dd' });
  });
});

describe('prune', () => {
  it('removes what the schema does not know and says where it was', () => {
    const object = thing({
      metadata: { name: 't', bogus: 1, ownerReferences: [{ uid: 'u', extra: true }] },
      extra: 1,
      spec: {
        name: 'ab',
        bogus: { deep: 1 },
        services: [{ name: 'a', zz: 1 }],
        env: { any: 'x' },
        free: { anything: { goes: 1 }, known: { a: 'x', b: 1 } },
        embedded: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n', odd: 1 }, spec: { free: 1 } },
      },
    });
    expect(compiled.prune(object)).toEqual([
      'metadata.bogus',
      'metadata.ownerReferences[0].extra',
      'spec.embedded.metadata.odd',
      'extra',
      'spec.bogus',
      'spec.free.known.b',
      'spec.services[0].zz',
    ]);
    expect(object).toEqual(
      thing({
        metadata: { name: 't', ownerReferences: [{ uid: 'u' }] },
        spec: {
          name: 'ab',
          services: [{ name: 'a' }],
          env: { any: 'x' },
          free: { anything: { goes: 1 }, known: { a: 'x' } },
          embedded: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, spec: { free: 1 } },
        },
      }),
    );
  });

  it('keeps everything but unknown metadata where unknown fields are preserved', () => {
    const object = thing({ metadata: { name: 't', bogus: 1 }, extra: { a: 1 } });
    expect(compileSchema(thingSchema, { preserveUnknown: true }).prune(object)).toEqual(['metadata.bogus']);
    expect(object).toMatchObject({ extra: { a: 1 } });
  });
});
