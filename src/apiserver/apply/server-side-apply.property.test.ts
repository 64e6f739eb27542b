import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import type { ApplyRequest, JsonObject, JsonSchema, JsonValue, KubeObject } from '../types.ts';
import { serverSideApply } from './apply.ts';

const text: JsonSchema = { type: 'string' };

const schema: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        mode: text,
        level: { type: 'integer' },
        env: { type: 'object', additionalProperties: text },
        set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        atomic: { type: 'array', items: text },
        services: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: text, size: { type: 'integer' }, image: text } },
        },
      },
    },
  },
};

const word = fc.constantFrom('a', 'b', 'c', 'd');
const number = fc.integer({ min: 0, max: 3 });
const none = { requiredKeys: [] };

const service = fc.record({ name: word, size: number, image: word }, { requiredKeys: ['name'] });
const spec: fc.Arbitrary<JsonObject> = fc.record(
  {
    mode: word,
    level: number,
    env: fc.dictionary(word, word, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    set: fc.uniqueArray(word, { minLength: 1 }),
    atomic: fc.array(word, { minLength: 1, maxLength: 3 }),
    services: fc.uniqueArray(service, { minLength: 1, selector: (item) => item.name }),
  },
  none,
);

interface Write {
  readonly manager: string;
  readonly spec: JsonObject;
}

const writes = fc.array(fc.record({ manager: fc.constantFrom('m1', 'm2', 'm3'), spec }), {
  minLength: 1,
  maxLength: 8,
});

function apply(live: KubeObject | undefined, { manager, spec: applied }: Write, now = 0): KubeObject {
  const request: ApplyRequest = {
    live,
    applied: { apiVersion: 'fix.dev/v1', kind: 'Thing', metadata: { name: 't' }, spec: applied },
    manager,
    force: true,
    apiVersion: 'fix.dev/v1',
    custom: true,
    subresource: undefined,
    schema,
    now: new Date(now * 1000).toISOString(),
  };
  const result = serverSideApply(request);
  if (!result.ok) throw new Error('a forced apply has no conflicts');
  return result.object;
}

function run(all: readonly Write[]): KubeObject | undefined {
  return all.reduce<KubeObject | undefined>((live, write, index) => apply(live, write, index), undefined);
}

function entryOf(object: KubeObject | undefined, manager: string): JsonObject | undefined {
  return object?.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;
}

/** Sorts what has no order, so that values compare by what they say. */
function canonical(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item) => canonical(item) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.keys(value).toSorted();
  return Object.fromEntries(sorted.map((key) => [key, canonical(value[key])]));
}

describe('server-side apply', () => {
  it('changes nothing when the same is applied twice', () => {
    fc.assert(
      fc.property(writes, (all) => {
        const once = run(all);
        const last = all.at(-1);
        expect(last === undefined ? once : apply(once, last, 1000)).toEqual(once);
      }),
    );
  });

  it('gives a manager exactly the fields that it applied last', () => {
    fc.assert(
      fc.property(writes, (all) => {
        const last = all.at(-1);
        if (last === undefined) return;
        expect(entryOf(run(all), last.manager)).toEqual(entryOf(apply(undefined, last), last.manager));
      }),
    );
  });

  it('makes the object hold what was applied last', () => {
    fc.assert(
      fc.property(writes, (all) => {
        const last = all.at(-1);
        if (last === undefined) return;
        const { set, services, ...plain } = last.spec;
        const live = run(all)?.spec as JsonObject;
        expect(live).toMatchObject(plain);
        expect(live.set ?? []).toEqual(expect.arrayContaining((set ?? []) as JsonValue[]));
        for (const item of (services ?? []) as JsonObject[]) {
          expect(live.services).toContainEqual(expect.objectContaining(item));
        }
      }),
    );
  });

  it('leaves nothing behind when every manager lets go', () => {
    fc.assert(
      fc.property(writes, (all) => {
        const managers = [...new Set(all.map(({ manager }) => manager))];
        const bare = managers.map((manager): Write => ({ manager, spec: {} }));
        const spec = run([...all, ...bare])?.spec as JsonObject | undefined;
        expect(canonical(spec) ?? {}).toEqual({});
      }),
    );
  });

  it('leaves the order of writers without influence where they do not touch each other', () => {
    fc.assert(
      fc.property(
        word,
        number,
        fc.uniqueArray(service, { minLength: 1, selector: (item) => item.name }),
        (mode, level, services) => {
          const one: Write = { manager: 'm1', spec: { mode, env: { a: mode } } };
          const two: Write = { manager: 'm2', spec: { level, services } };
          expect(canonical(run([one, two])?.spec as JsonObject)).toEqual(
            canonical(run([two, one])?.spec as JsonObject),
          );
        },
      ),
    );
  });
});
