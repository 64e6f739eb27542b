import { type Case, CRDS, post, type Step, story, until } from './case.ts';

const VALUES = '/apis/{ns}.example/v1/namespaces/{ns}/values';

const text = { type: 'string', maxLength: 20 };
const item = { type: 'object', properties: { name: text, note: text } };
const properties = {
  n: { type: 'integer' },
  text,
  when: { type: 'string', format: 'date-time' },
  span: { type: 'string', format: 'duration' },
  blob: { type: 'string', format: 'byte', maxLength: 20 },
  list: { type: 'array', maxItems: 5, items: item },
  numbers: { type: 'array', maxItems: 5, items: { type: 'integer' } },
  map: { type: 'object', maxProperties: 5, additionalProperties: text },
  maps: {
    type: 'object',
    maxProperties: 5,
    additionalProperties: { type: 'object', maxProperties: 5, additionalProperties: text },
  },
  o: { type: 'object', properties: { p: item } },
};

/** Each is a rule, and so is its opposite: one of both fails, and shows what the expression is. */
function define(expressions: readonly string[]): Step {
  const rules = expressions.flatMap((rule) => [
    { rule, message: `not: ${rule}` },
    { rule: `!(${rule})`, message: `it is: ${rule}` },
  ]);
  const spec = { type: 'object', properties, 'x-kubernetes-validations': rules };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  return post(CRDS, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'values.{ns}.example' },
    spec: {
      group: '{ns}.example',
      scope: 'Namespaced',
      names: { kind: 'Value', plural: 'values' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
}

function value(spec: object): Step {
  return post(`${VALUES}?dryRun=All`, {
    apiVersion: '{ns}.example/v1',
    kind: 'Value',
    metadata: { name: 'one' },
    spec,
  });
}

const full = {
  n: 5,
  text: 'abc',
  when: '2024-01-01T00:00:00Z',
  span: '1h30m',
  blob: 'aGVsbG8=',
  list: [{ name: 'a' }, { name: 'b', note: '' }],
  numbers: [3, 4],
  map: { a: 'x' },
  maps: { a: { b: 'y' } },
  o: { p: { name: 'c' } },
};
const bare = { ...full, n: 0, text: '', numbers: [], map: {}, list: [{}], o: { p: {} } };

function values(name: string, ...expressions: readonly string[]): Case {
  const served = until(
    VALUES,
    () => true,
    () => undefined,
  );
  return story(`the value of ${name}`, define(expressions), served, value(full), value(bare));
}

/** What expressions are that are built otherwise than in the CEL library. */
export const ruleValues: readonly Case[] = [
  values(
    'presence tests',
    'has(self.list[0].name)',
    'has(self.list[0].note)',
    'has(self.list.filter(x, has(x.name) || true)[0].name)',
    'has(self.map.a)',
    'has(self.maps["a"].b)',
    'has(self.maps.a.c)',
    'has(self.o.p.name)',
    'has(self.o.p.note)',
    'has(self.?o.p)',
    'self.list.exists(x, has(x.note))',
    'has({"a": 1}.a)',
    'has({"a": 1}.b)',
  ),
  values(
    'comparisons with null',
    'self.o == null',
    'null != self.o.p',
    'self.list[0] != null',
    'self.when == null',
    'null == self.span',
    'quantity("1") == null',
    'ip("1.2.3.4") != null',
    'self.?o == null',
  ),
  values(
    'conversions',
    'int(self.when) == 1704067200',
    'int(self.span) == 5400000000000',
    'timestamp(self.when) == self.when',
    'duration(self.span) == self.span',
    'duration(self.n) == duration("5ns")',
    'sign(quantity("-1")) == -1',
    'matches(self.text, "^a.c$")',
  ),
  values(
    'optionals',
    'self.numbers.first() == optional.of(3)',
    'self.numbers.last().orValue(7) == 7',
    'self.numbers.first() == self.numbers.last()',
  ),
  values(
    'orders and equality',
    'self.blob < b"i"',
    'self.blob >= self.blob',
    'b"" > self.blob',
    'format.uuid() == format.uuid()',
    'self.n == 5 || self.n > 1 || self.n < -1 || false || self.text != ""',
    'self.n == 5 && self.n > 1 && self.n < 9 && true && self.text != ""',
  ),
  // Whose cost has no bound: there is nothing to send objects to.
  story('the cost of comparing formats', define(['format.uuid() != format.byte()'])),
];
