import { type Case, CRDS, post, type Step, story, until } from './case.ts';

const THINGS = '/apis/{ns}.example/v1/namespaces/{ns}/things';

function define(rules: readonly (string | object)[], parameters = ''): Step {
  const properties = {
    list: { type: 'array', maxItems: 600, items: { type: 'integer' } },
    texts: { type: 'array', maxItems: 200, items: { type: 'string', maxLength: 200 } },
    text: { type: 'string', maxLength: 3000 },
    map: { type: 'object', maxProperties: 600, additionalProperties: { type: 'integer' } },
    objects: {
      type: 'array',
      maxItems: 1,
      items: { type: 'object', properties: { name: { type: 'string', maxLength: 9 } } },
    },
  };
  const validations = rules.map((rule) => (typeof rule === 'string' ? { rule, message: 'broken' } : rule));
  const spec = { type: 'object', properties, 'x-kubernetes-validations': validations };
  return post(`${CRDS}${parameters}`, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.{ns}.example' },
    spec: {
      group: '{ns}.example',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
        },
      ],
    },
  });
}

const served = until(
  THINGS,
  () => true,
  () => undefined,
);

/** A thing whose lists have `count` items, and whose texts have as many characters. */
function thing(count: number): Step {
  const each = <T>(make: (index: number) => T, most = 600): T[] =>
    Array.from({ length: Math.min(count, most) }, (_, index) => make(index));
  const spec = {
    list: each((index) => index),
    texts: each((index) => 'x'.repeat(index), 200),
    text: 'ab'.repeat(Math.min(count * 3, 1500)),
    map: Object.fromEntries(each((index) => [`k${index}`, index])),
    objects: [{ name: 'a' }],
  };
  const object = { apiVersion: '{ns}.example/v1', kind: 'Thing', metadata: { name: 'one' }, spec };
  return post(`${THINGS}?dryRun=All`, object);
}

/** It costs a hundredth of the square of the length, and next to no time: a longer text is in no shorter one. */
const costly = (length: number): string => `'${'a'.repeat(length)}'.contains('${'b'.repeat(length + 1)}')`;

/** 900,000 of the million units that a rule may cost. */
const MOST_OF_IT = costly(9486);
const SIZES = [1, 80, 89, 98, 108, 117, 126, 150, 170, 190] as const;
const LARGEST = 600;

/**
 * The smallest thing, the largest of which the rule may look at all for what is left of its cost, and the next, which costs too much. A
 * rule costs more of what is larger, so that those between and beyond tell nothing else; but kube-apiserver takes long for each.
 */
function costs(rule: string, most: (typeof SIZES)[number]): Case {
  const sizes = [1, most, ...SIZES.filter((size) => size > most).slice(0, 1)];
  return story(
    `what a rule costs: ${rule}`,
    define([`${MOST_OF_IT} || (${rule})`]),
    served,
    ...sizes.map(thing),
  );
}

/** A rule that looks at all of the largest thing, and may. */
function affordable(rule: string): Case {
  return story(`what a rule costs: ${rule}`, define([rule]), served, ...[1, LARGEST].map(thing));
}

/** Rules that may run, and cost too much on a large value. */
export const runningCosts: readonly Case[] = [
  costs('self.list.all(x, self.list.all(y, x >= 0))', 126),
  costs('self.list.all(x, self.list.all(y, x >= 0 && y >= 0))', 117),
  costs('self.list.exists(x, self.list.exists(y, x < 0))', 126),
  costs('self.list.exists(x, self.list.exists(y, x < 0)) || self.list.size() > 0', 126),
  costs('self.list.all(x, self.list.exists_one(y, x == y))', 170),
  costs('self.list.all(x, x in self.list.map(y, y + 1) || true)', 80),
  costs('self.list.all(x, self.list.filter(y, y > x).size() >= 0)', 98),
  affordable('self.list.all(x, x in self.list)'),
  costs('self.list.all(x, self.list.all(y, has(self.map) && has(self.map)))', 126),
  costs('self.list.all(x, self.list.all(y, has(self.map.k0) && has(self.map.k0)))', 117),
  costs('self.list.all(x, self.list.all(y, has(self.objects[0].name) && has(self.objects[0].name)))', 98),
  costs(
    'self.list.all(x, self.list.all(y, self.text != "" && true && has(self.map) && true && x >= 0))',
    108,
  ),
  costs('self.map.all(k, self.map.all(l, self.map[l] >= 0))', 117),
  costs('self.map.all(k, k in self.map && self.list.exists(x, x == self.map[k]))', 126),
  costs('self.texts.all(x, self.texts.all(y, (x + y).size() >= 0))', 80),
  affordable('self.texts.all(x, x.startsWith("x") || self.texts.all(y, x <= y || true))'),
  affordable("self.texts.all(x, self.text.matches('^(ab)*$'))"),
  affordable("self.texts.all(x, self.text.replace('a', 'b').size() > 0)"),
  affordable('self.texts.all(x, self.texts.isSorted())'),
  affordable("self.texts.all(x, self.texts.join(',').size() >= 0)"),
  affordable('self.list.all(x, (x > 5 ? [x, x] : [x]).size() > 0 && {"a": x}.size() == 1 && has(self.map))'),
  story(
    'what all rules of an object cost',
    // Each far from its million units, and together nine of ten.
    define(Array(11).fill(`${costly(9000)} || self.list.all(x, self.list.all(y, x >= 0))`)),
    served,
    ...[1, 117, 170].map(thing),
  ),
  story(
    'a rule that may cost too much',
    define(['self.list.all(x, self.list.all(y, self.list.all(z, x + y + z >= 0)))'], '?dryRun=All'),
  ),
  story(
    'what a message costs',
    define([
      {
        rule: 'self.list.size() < 10',
        messageExpression: 'string(self.list.all(x, self.list.all(y, x >= 0)))',
      },
      'self.list.size() < 10',
    ]),
    served,
    ...[1, 100, 400, 600].map(thing),
  ),
];
