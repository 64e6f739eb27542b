import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../../types.ts';
import { compileExpression } from '../compile-rule.ts';
import { kubernetesEnvironment } from '../environment.ts';
import { MATCHES } from '../strings.ts';
import { TypeDeclarer } from '../types.ts';
import { Declarer, maxChildren, maxInRequest } from './declared.ts';
import { estimateCost } from './estimate.ts';
import { FUNCTIONS } from './functions.ts';

const text = (maxLength?: number): JsonSchema => ({
  type: 'string',
  ...(maxLength === undefined ? {} : { maxLength }),
});
const pair: JsonSchema = { type: 'object', properties: { key: text(10), value: text(5000) } };
const schema: JsonSchema = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    short: text(10),
    open: text(),
    port: { 'x-kubernetes-int-or-string': true },
    words: { type: 'array', maxItems: 20, items: text(30) },
    labels: { type: 'object', maxProperties: 5, additionalProperties: text(40) },
    parts: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        properties: { name: text(7), pairs: { type: 'array', maxItems: 50, items: pair } },
      },
    },
  },
};

function costOf(source: string): bigint {
  const environment = kubernetesEnvironment();
  const type = new TypeDeclarer(environment).declare(schema);
  const declared = new Declarer().declare(schema);
  if (type === undefined || declared === undefined) throw new Error('the schema has no type');
  environment.registerVariable('self', type.name);
  const compiled = compileExpression(environment, source, 'bool');
  if (!compiled.ok) throw new Error(compiled.problem);
  return estimateCost(compiled.syntax, declared, false);
}

describe('the estimated cost of an expression', () => {
  // kube-apiserver 1.36 estimates the same: differential-costs.test.ts compares thousands more.
  it.each([
    ['true', 0n],
    ['self.n > 1', 3n],
    ['-1 < self.n && !!(self.n == 2)', 5n],
    ['has(self.short) || self.n > 1', 4n],
    ["self.short == 'a'", 3n],
    ["self.short.startsWith('something')", 3n],
    ["self.short.matches('^[a-z]{1,10}$')", 2n + 5n * 4n],
    ['self.open == self.open', 4n + 314_573n],
    ['self.words.size() > 3', 4n],
    ["self.words.all(w, w != 'a')", 2n + 20n * 5n + 1n],
    ["self.words.exists(w, w.contains('a'))", 2n + 20n * 17n + 1n],
    ["'a' in self.words", 22n],
    ["self.labels.all(k, self.labels[k] == 'a')", 2n + 5n * 8n + 1n],
    ["self.words.map(w, w + 'x').join(',').size() < 9", 1_844_674_407_370_955_799n],
    ["self.port == 80 || self.port.startsWith('a')", 6n],
    ['self.words.isSorted()', 2n + 20n * 13n],
    ['sets.contains(self.words, self.words)', 4n + 401n],
    ["quantity(self.short) == quantity('1')", 2n + 4n + 1n + 1n],
  ])('%s', (source, cost) => {
    expect(costOf(source)).toBe(cost);
  });

  it('takes the last of several fields of an item, as cel-go does', () => {
    const inner = (field: string) => costOf(`self.parts.all(x, x.pairs.all(y, ${field} == y.key))`);
    // The loop over `x.pairs` counts the characters of `x.name` in place of the pairs.
    expect(inner("'a'")).toBeGreaterThan(inner('x.name'));
  });
});

/** What the library has beyond kube. */
const NOT_IN_KUBE = ['at', 'base64', 'bind', 'hex', 'json'];

it('knows the cost of every function that rules may call', () => {
  const own = new Set([...FUNCTIONS.keys()].map((name) => name.split('.').at(-1)));
  const macros = ['has', 'all', 'exists', 'exists_one', 'map', 'filter', MATCHES];
  const known = new Set([...own, ...macros, ...NOT_IN_KUBE]);
  const names = kubernetesEnvironment()
    .getDefinitions()
    .functions.map(({ name }) => name);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

describe('how often a value may be there', () => {
  it.each<[string, JsonSchema, bigint | undefined]>([
    ['a field', { type: 'object', properties: {} }, 1n],
    ['an item', { type: 'array', maxItems: 3 }, 3n],
    ['an item without a bound', { type: 'array' }, undefined],
    ['an entry', { type: 'object', maxProperties: 4, additionalProperties: {} }, 4n],
    ['an entry without a bound', { type: 'object', additionalProperties: {} }, undefined],
  ])('%s', (_, around, count) => {
    expect(maxChildren(around)).toBe(count);
  });

  it.each<[JsonSchema, bigint]>([
    [{ type: 'boolean' }, 629_145n],
    [text(), 1_048_576n],
    [{ type: 'object', required: ['key'], properties: { key: text(), other: text() } }, 262_144n],
    [{ type: 'object', required: ['key'], properties: { key: { ...text(), default: 'a' } } }, 1_048_576n],
  ])('as often as it fits into a request: %j', (below, count) => {
    const declared = new Declarer().declare(below);
    expect(declared && maxInRequest(declared)).toBe(count);
  });
});
