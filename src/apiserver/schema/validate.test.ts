import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../types.ts';
import { NOT_CHECKED, sentences, thing } from './testing/thing.ts';

// The sentences in this file are those of kube-apiserver 1.36 for the same schema and objects.

describe('validate, on creation', () => {
  const cases: [JsonValue, string[]][] = [
    [{ name: 'ab', flag: null, port: '50%', services: [{ name: 'a', size: 1 }], odd: 'any' }, []],
    [
      { name: 'A1', replicas: -1, mode: 'X', level: 7 },
      [
        'spec.name: Invalid value: "A1": spec.name in body should match \'^[a-z]+$\'',
        'spec.mode: Unsupported value: "X": supported values: "A", "B", "Bad"',
        'spec.level: Unsupported value: 7: supported values: "1", "2", "3"',
        'spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
        '.spec.replicas: Invalid value: -1: should be a non-negative integer',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'abcdefgh', replicas: 11, ratio: 0.3, flag: 3 },
      [
        'spec.name: Too long: may not be more than 5 bytes',
        'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10',
        'spec.ratio: Invalid value: 0.3: spec.ratio in body should be a multiple of 0.25',
        'spec.flag: Invalid value: "integer": spec.flag in body must be of type boolean: "integer"',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', ratio: 0, replicas: 3_000_000_000 },
      [
        '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.replicas',
        'spec.replicas: Invalid value: 3000000000: spec.replicas in body should be less than or equal to 10',
        'spec.ratio: Invalid value: 0: factor MultipleOf declared for spec.ratio must be positive: 0',
        'spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0',
        '.spec.replicas: Invalid value: 3000000000: should be less than or equal to 2147483647',
      ],
    ],
    [
      { name: 'a', set: ['a', 'b', 'a', 'b'], unique: ['a'] },
      [
        'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long',
        'spec.unique: Invalid value: 1: spec.unique in body should have at least 2 items',
        'spec.set[2]: Duplicate value: "a"',
        'spec.set[3]: Duplicate value: "b"',
      ],
    ],
    [
      { name: 5, replicas: 'x', set: 'foo', env: [1] },
      [
        'spec.name: Invalid value: "integer": spec.name in body must be of type string: "integer"',
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        'spec.set: Invalid value: "string": spec.set in body must be of type array: "string"',
        'spec.env: Invalid value: "array": spec.env in body must be of type object: "array"',
        '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', env: {}, services: [{ name: 'a' }, { name: 'a' }, { size: 13 }] },
      [
        'spec.services[2].name: Required value',
        'spec.env: Invalid value: 0: spec.env in body should have at least 1 properties',
        'spec.services[1]: Duplicate value: {"name":"a"}',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', env: { a: 'aaaa', b: 'b', c: 'c', d: 'd' }, set: ['a', 'b', 'c', 'd', 'e'] },
      [
        'spec.set: Too many: 5: must have at most 4 items',
        'spec.env: Too many: 4: must have at most 3 items',
        'spec.env.a: Too long: may not be more than 3 bytes',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', minimum: 5, maximum: 3, mode: 'Bad', services: [{ name: 'q', size: 13 }] },
      [
        'spec: Invalid value: minimum must not exceed maximum',
        'spec: Invalid value: mode Bad of ab is bad',
        'spec.services[0].size: Invalid value: 13: failed rule: self != 13',
      ],
    ],
    [
      { name: 'ab', when: 'x', port: 1.5 },
      [
        'spec.port: Invalid value: "number": spec.port in body must be of type integer,string: "number"',
        'spec.when: Invalid value: "x": spec.when in body must be of type date-time: "x"',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', source: { c: 'x' }, any: {}, all: 'a', not: 'forbidden' },
      [
        '<nil>: Invalid value: "": "spec.source" must validate one and only one schema (oneOf). Found none valid',
        'spec.source.a: Required value',
        '<nil>: Invalid value: "": "spec.any" must validate at least one schema (anyOf)',
        'spec.any.a: Required value',
        'spec.all: Invalid value: "a": spec.all in body should be at least 3 chars long',
        'spec.all: Invalid value: "a": spec.all in body should match \'^x\'',
        '<nil>: Invalid value: "": "spec.all" must validate all the schemas (allOf). None validated',
        '<nil>: Invalid value: "": "spec.not" must not validate the schema (not)',
        NOT_CHECKED,
      ],
    ],
    [
      { name: 'ab', source: { a: 'x', b: 'y' }, any: { a: 'x' }, all: 'abc' },
      [
        '<nil>: Invalid value: "": "spec.source" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        '<nil>: Invalid value: "": "spec.any" must validate at least one schema (anyOf)',
        'spec.any.a: Invalid value: "x": spec.any.a in body should be at least 3 chars long',
        'spec.all: Invalid value: "abc": spec.all in body should match \'^x\'',
        '<nil>: Invalid value: "": "spec.all" must validate all the schemas (allOf)',
      ],
    ],
    [
      { replicas: 1.5, items: [{ b: null }], embedded: { a: 1 } },
      [
        'spec.replicas: Invalid value: "float64": spec.replicas in body must be of type int32: "float64"',
        '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.replicas',
        'spec.items[0].a: Required value',
        'spec.name: Required value',
        '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: 1.5 is of the type float64, expected int64',
        'spec.embedded.apiVersion: Required value',
        'spec.embedded.kind: Required value',
        NOT_CHECKED,
      ],
    ],
    [
      {
        name: 'ab',
        embedded: { apiVersion: 'v1/x/y', kind: 'X_', metadata: { name: 'A/_%' } },
        services: [3],
      },
      [
        'spec.services[0]: Invalid value: "integer": spec.services[0] in body must be of type object: "integer"',
        'spec.embedded.apiVersion: Invalid value: "v1/x/y": unexpected GroupVersion string: v1/x/y',
        "spec.embedded.kind: Invalid value: \"X_\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        'spec.embedded.metadata.name: Invalid value: "A/_%": may not contain \'/\'',
        'spec.embedded.metadata.name: Invalid value: "A/_%": may not contain \'%\'',
        'spec.services[0]: Invalid value: 3: must be an object for an array of list-type map',
        NOT_CHECKED,
      ],
    ],
    [
      5,
      [
        'spec: Invalid value: "integer": spec in body must be of type object: "integer"',
        '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: 5 is of the type int64, expected map[string]interface{}',
        NOT_CHECKED,
      ],
    ],
    [null, ['spec: Required value', NOT_CHECKED]],
  ];

  it.each(cases)('%j', (value, expected) => {
    expect(sentences(thing({ spec: value })).toSorted()).toEqual(expected.toSorted());
  });
});

describe('validate, on update', () => {
  const old = thing({
    spec: {
      name: 'ab',
      replicas: 1,
      services: [{ name: 'a', size: 5 }],
      withDefault: 'dd',
      nested: { deep: { z: 5, w: 'ww' } },
    },
  });

  function updated(change: JsonObject): JsonObject {
    return thing({ spec: { ...(old.spec as JsonObject), ...change } });
  }

  it.each<[JsonObject, string[]]>([
    [{ level: 2 }, []],
    [{ name: 'cd' }, ['spec.name: Forbidden: name is immutable']],
    [{ services: [{ name: 'a', size: 4 }] }, ['spec.services[0]: Invalid value: size may not shrink']],
    [
      { services: [{ name: 'b', size: 4 }, { name: 'a' }] },
      ['spec.services[1]: Invalid value: size may not shrink'],
    ],
    [{ name: 'abcdefg' }, ['spec.name: Too long: may not be more than 5 bytes', NOT_CHECKED]],
  ])('%j', (change, expected) => {
    expect(sentences(updated(change), old)).toEqual(expected);
  });

  it('lets what was wrong before and is unchanged stay so', () => {
    const broken = updated({ mode: 'Broken', set: ['a', 'a'], services: [{ name: 'a', size: 13 }] });
    const touched = structuredClone(broken);
    touched.spec = { ...(touched.spec as JsonObject), level: 2 };
    expect(sentences(touched, broken)).toEqual([]);
    expect(sentences(structuredClone(touched))).toHaveLength(3);
  });

  it('names fields of the status from there, when only the status is written', () => {
    const withStatus = { ...structuredClone(old), status: { phase: 4, replicas: -3 } };
    expect(sentences(withStatus, old, 'status')).toEqual([
      'status.phase: Invalid value: "integer": phase in body must be of type string: "integer"',
      '.status.replicas: Invalid value: -3: should be a non-negative integer',
      NOT_CHECKED,
    ]);
  });
});
