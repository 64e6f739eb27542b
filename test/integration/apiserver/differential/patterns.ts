import { type Case, CRDS, post, type Step, story, until } from './case.ts';

const THINGS = '/apis/{ns}.example/v1/namespaces/{ns}/things';

/** What a pattern is made of: each with each, in turn. */
const ATOMS = [
  'a',
  '[a-c]',
  '[^a]',
  '[\\w-]',
  '\\d',
  '\\w',
  '\\W',
  '\\s',
  '\\pL',
  '\\PL',
  '\\p{Greek}',
  '[[:alpha:]]',
  '[[:^digit:]]',
  '[]a]',
  '(ab|a)',
  '(?i:B)',
  '(?P<one>a)(?<two>b)?',
  '.',
  '\\x41',
  '\\x{e9}',
  '\\101',
  '\\Q.*\\E',
  '\\-',
  '\\bx\\b',
  '\\B',
  '\u00e9',
  '\u{1f600}',
  '{',
  'x{,2}',
];
const QUANTIFIERS = ['', '*', '+?', '{2}', '{1,}', '??', '{0,3}?'];
const FRAMES = ['^%$', '%', '(?s)^%$', '(?m)^%$', '(?U)^%', '\\A%\\z', '%|^$', '(?i)^%\\z'];
const TEXTS = [
  ...[
    '',
    'a',
    'A',
    'b',
    'ab',
    'aab',
    'abab',
    'aaaa',
    'x',
    'a x b',
    'axb',
    '1',
    '12',
    '_',
    '-',
    '.',
    '.*',
    '{',
    '{{',
  ],
  ...[
    ' ',
    '\n',
    'a\n',
    'a\nb',
    '\u00e9',
    'e\u0301',
    '\u03b1',
    '\u{1f600}',
    '\u{1f600}\u{1f600}',
    'x{,2}',
    ']',
    'K',
    '\u212a',
    '\u017f',
  ],
];

const valid = ATOMS.flatMap((atom, at) =>
  QUANTIFIERS.map((quantifier, index) => {
    const frame = FRAMES[(at + index) % FRAMES.length] ?? '%';
    return frame.replace('%', () => `(?:${atom})${quantifier}`);
  }),
);

const INVALID = [
  ...[
    '(',
    ')',
    '[',
    '[a',
    'a)',
    '*',
    '+',
    '?',
    '|*',
    '^*',
    '(*',
    'a**',
    'a+*',
    'a?+',
    'a{2}{3}',
    '(?:a{2}){3}{',
  ],
  ...[
    'a{1001}',
    'a{2,1}',
    '(a{100}){100}',
    '(?',
    '(?i',
    '(?z)',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(?<!a)',
    '(?>a)',
    '(?#a)',
  ],
  ...[
    '\\',
    '\\1',
    '\\8',
    '\\C',
    '\\Z',
    '\\G',
    '\\h',
    '\\pX',
    '\\p{Gree}',
    '\\x{110000}',
    '\\xg',
    '\\u0041',
    '\\cA',
  ],
  ...[
    '[b-a]',
    '[[:foo:]]',
    '[\\8]',
    '[a-\\d]',
    '(?P<n>a)(?P<n>b)',
    '(?P<n',
    '(?P<>a)',
    '(?P<1-2>a)',
    '(?P=n)',
    '[]',
  ],
];

type Fields = Readonly<Record<string, object>>;

function definition(fields: Fields, rules: readonly object[]): object {
  const more = rules.length === 0 ? {} : { 'x-kubernetes-validations': rules };
  const spec = { type: 'object', properties: fields, ...more };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.{ns}.example' },
    spec: {
      group: '{ns}.example',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

function fieldsOf(patterns: readonly string[], bare = false): Fields {
  const field = (pattern: string) => ({ type: 'string', maxLength: 9, ...(bare ? {} : { pattern }) });
  return Object.fromEntries(patterns.map((pattern, at) => [`p${at}`, field(pattern)]));
}

/** Every field has the text. */
function thing(text: string, patterns: readonly string[]): Step {
  const spec = Object.fromEntries(patterns.map((_, at) => [`p${at}`, text]));
  const object = { apiVersion: '{ns}.example/v1', kind: 'Thing', metadata: { name: 'one' }, spec };
  return post(`${THINGS}?dryRun=All`, object);
}

const define = (fields: Fields, rules: readonly object[] = []): Step => post(CRDS, definition(fields, rules));
const served = until(
  THINGS,
  () => true,
  () => undefined,
);

/** A rule for each pattern, as a raw string. */
const rules = valid
  .map((pattern, at) => ({ rule: `self.p${at}.matches(r"${pattern}")`, message: `p${at} does not match` }))
  .filter(({ rule }) => !rule.includes('{1f600}'));

/** Patterns of schemas, and of rules. */
export const patterns: readonly Case[] = [
  story(
    'patterns that match and do not',
    define(fieldsOf(valid)),
    served,
    ...TEXTS.map((text) => thing(text, valid)),
  ),
  story(
    'patterns of rules that match and do not',
    define(fieldsOf(valid, true), rules),
    served,
    ...TEXTS.map((text) => thing(text, valid)),
  ),
  ...INVALID.map((pattern) =>
    story(
      `a pattern that is none: ${pattern}`,
      post(`${CRDS}?dryRun=All`, definition(fieldsOf([pattern]), [])),
    ),
  ),
];
