import type { JsonSchema } from '../../../../src/apiserver/types.ts';
import { type Case, CRDS, merge, post, quietly, remove, type Step, story, untilEstablished } from './case.ts';

/** A definition with one version for each schema of a spec. */
function definition(...specs: readonly JsonSchema[]): object {
  return definitionOf(...specs.map((spec): JsonSchema => ({ type: 'object', properties: { spec } })));
}

function definitionOf(...schemas: readonly JsonSchema[]): object {
  const versions = schemas.map((openAPIV3Schema, index) => ({
    name: `v${index + 1}`,
    served: true,
    storage: index === 0,
    schema: { openAPIV3Schema },
  }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'dear.{ns}.example' },
    spec: { group: '{ns}.example', scope: 'Namespaced', names: { kind: 'Dear', plural: 'dear' }, versions },
  };
}

/** A definition that stays nowhere. */
function tried(made: object): Step {
  return post(`${CRDS}?dryRun=All`, made);
}

function ruled(schema: JsonSchema, ...rules: readonly string[]): JsonSchema {
  return { ...schema, 'x-kubernetes-validations': rules.map((rule) => ({ rule })) };
}

/** So many integers, each with rules that cost two units. */
function integers(maxItems: number, ...rules: readonly string[]): JsonSchema {
  const items = ruled(integer, ...(rules.length === 0 ? ['self > 1'] : rules));
  return { type: 'array', maxItems, items };
}

function record(properties: Record<string, JsonSchema>, required: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required: [...required] }) };
}

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const key = (maxLength: number): JsonSchema => ({ type: 'string', maxLength });
const pair = record({ key: key(10), value: key(5000) });
const parts: JsonSchema = {
  type: 'array',
  maxItems: 100,
  items: record({ name: key(7), pairs: { type: 'array', maxItems: 50, items: pair } }),
};
const open: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };

/** What rules of a definition may cost at most; rules made by chance are in differential-costs.test.ts. */
export const estimates: readonly Case[] = [
  ...[5_000_000, 5_000_001, 7_499_999, 7_500_000, 11_250_000, 13_750_000, 500_000_000, 500_000_001].map(
    (count) => story(`the factor of a rule on ${count} values`, tried(definition(integers(count)))),
  ),
  story(
    'the four dearest of many rules',
    tried(
      definition(
        record(
          Object.fromEntries(
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map((n) => [`f${n}`, integers(4_500_000 + n)]),
          ),
        ),
      ),
    ),
  ),
  story(
    'dear rules of several versions',
    tried(definition(integers(6_000_000), integers(7_000_000))),
    tried(definition(integers(6_000_000), integers(6_000_000))),
    tried(definition(integers(1), integers(60_000_000))),
  ),
  story(
    'a dear rule beside one that does not compile',
    tried(definition(integers(6_000_000, 'self > 1', 'self.nope', 'self >= 0 && self < 9'))),
  ),
  story(
    'a dear message',
    tried(
      definition({
        ...record({ text }),
        'x-kubernetes-validations': [
          { rule: 'true', messageExpression: "'text is ' + self.text + self.text" },
          { rule: 'self.nope', messageExpression: "'text is ' + self.text + self.text" },
          { rule: 'true', messageExpression: "self.text.matches(self.text) ? 'a' : 'b'" },
        ],
      }),
    ),
  ),
  story(
    'rules on values without a bound',
    tried(definition({ type: 'array', items: ruled(text, 'self.size() > 1') })),
    tried(
      definition({
        type: 'array',
        items: ruled(record({ a: text, b: text }, ['a', 'b']), 'self.a == self.b'),
      }),
    ),
    tried(definition({ type: 'object', additionalProperties: ruled({ type: 'boolean' }, 'self || !self') })),
    tried(definition({ type: 'array', items: integers(3) })),
    tried(
      definition({
        type: 'array',
        maxItems: 3,
        items: { type: 'object', additionalProperties: integers(2) },
      }),
    ),
    tried(definition({ type: 'array', maxItems: 0, items: ruled(text, 'self.matches(self)') })),
  ),
  story(
    'loops in which two fields of an item are compared',
    tried(definition(ruled(parts, 'self.all(x, x.pairs.all(y, x.name == y.key))'))),
    tried(definition(ruled(parts, 'self.all(x, x.pairs.all(y, self.exists(z, z.name == y.value)))'))),
    tried(definition(ruled(parts, 'self.all(x, self.filter(y, y.name == x.name).size() == 1)'))),
    tried(definition(ruled(parts, 'self.map(x, x.name + "/").join(",").size() < 10'))),
  ),
  story(
    'rules on names',
    tried(
      definitionOf(
        ruled(record({}), 'lists.range(99999).all(x, self.metadata.name != self.metadata.generateName)'),
      ),
    ),
    tried(
      definitionOf(
        ruled(
          record({ kind: text, apiVersion: text, metadata: record({ name: key(9), generateName: key(9) }) }),
          'lists.range(9999999).all(x, self.metadata.name != self.metadata.generateName)',
        ),
      ),
    ),
    tried(
      definition({
        type: 'array',
        maxItems: 1000,
        items: {
          ...ruled(record({ spec: record({}) }), 'self.kind.startsWith(self.apiVersion)'),
          'x-kubernetes-embedded-resource': true,
        },
      }),
    ),
  ),
  story(
    'rules that are nested',
    ...[250, 251].map((depth) =>
      tried(definition(ruled(record({ n: integer }), `${Array(depth).fill('1').join('+')} > self.n`))),
    ),
    ...[249, 250].map((depth) =>
      tried(definition(ruled(record({}), `${'('.repeat(depth)}true${')'.repeat(depth)}`))),
    ),
    tried(definition(ruled(record({ n: integer }), Array(2000).fill('self.n < 1').join(' && ')))),
    tried(definition(ruled(record({ a: key(9) }), `self.a != '${'a'.repeat(100_001)}'`))),
  ),
  story(
    'rules that test for null and for fields',
    tried(
      definition(
        ruled(
          record({ o: record({ a: text }), when: { type: 'string', format: 'date-time' }, list: parts }),
          'self.o != null && null != self.when && self.list[0] == null && quantity("1") != null',
          'has(self.list[0].name) && has(self.list.filter(x, has(x.name))[0].pairs)',
          'has(self.list[0].nope)',
          'has(self.o.nope)',
        ),
      ),
    ),
  ),
  story(
    'rules with functions that are not there',
    ...[
      'self.?a.optMap(x, x + "b").hasValue()',
      '[1, 2].all(i, x, i < x)',
      '[2, 1].sortBy(x, x) == [1, 2]',
      'semver("1.0.0").major() == 1',
      '[?self.?a].size() > 0',
      'optional.ofNonZeroValue(self.a).hasValue()',
    ].map((rule) => quietly(tried(definition(ruled(record({ a: key(9) }), rule))))),
  ),
  story(
    'rules with functions that only we have',
    ...['cel.bind(x, self.a, x == x)', 'b"a".hex() == "61"', 'self["a"] == self.a'].map((rule) =>
      quietly(tried(definition(ruled(record({ a: key(9) }), rule)))),
    ),
  ),
  story(
    'fields beside any others',
    ...[true, false, {}, { type: 'string' }].map((additionalProperties) =>
      tried(definition({ ...record({ a: text }), additionalProperties } as JsonSchema)),
    ),
  ),
  story('rules on values without a type', tried(definition(ruled(open, 'true', 'false')))),
  story(
    'rules on a list of values without a type',
    tried(definition(ruled({ type: 'array', items: open }, 'true'))),
  ),
  story(
    'rules in a combination',
    tried(definition({ ...record({ a: text }), allOf: [ruled({}, 'has(self.a)')] })),
    tried(definition({ ...record({ a: text }), anyOf: [{ properties: { a: ruled({}, 'self == "b"') } }] })),
  ),
  story(
    'rules that become dear',
    post(CRDS, definition(integers(1000))),
    untilEstablished(`${CRDS}/dear.{ns}.example`),
    merge(`${CRDS}/dear.{ns}.example`, { spec: { ...Object(definition(integers(60_000_000))).spec } }),
    merge(`${CRDS}/dear.{ns}.example`, { metadata: { labels: { a: 'b' } } }),
    remove(`${CRDS}/dear.{ns}.example`),
  ),
];
