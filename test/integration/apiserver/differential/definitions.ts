import { type Case, CRDS, get, post, story } from './case.ts';

interface Parts {
  readonly schema?: unknown;
  readonly spec?: object;
  readonly name?: string;
}

/** A definition that is sound but for what is given. Plural and group are the namespace's, so that no two meet. */
function definition({ schema, spec = {}, name = 'gadgets.{ns}.example' }: Parts): object {
  const root = schema === undefined ? { type: 'object', properties: { spec: { type: 'object' } } } : schema;
  const names = { kind: 'Gadget', plural: 'gadgets' };
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: root } }];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: { group: '{ns}.example', scope: 'Namespaced', names, versions, ...spec },
  };
}

function withSpec(spec: object): object {
  return { type: 'object', properties: { spec } };
}

function refused(name: string, parts: Parts): Case {
  return story(`definition: ${name}`, post(`${CRDS}?dryRun=All`, definition(parts)));
}

const text = { type: 'string' };
const version = { served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } };

/** Definitions of custom resources, sound and broken. */
export const definitions: readonly Case[] = [
  refused('sound', {}),
  refused('with another name', { name: 'things.{ns}.example' }),
  refused('without a schema', { spec: { versions: [{ name: 'v1', served: true, storage: true }] } }),
  refused('without a group', { spec: { group: '' } }),
  refused('without a kind', { spec: { names: { plural: 'gadgets' } } }),
  refused('of a scope that is none', { spec: { scope: 'Galaxy' } }),
  refused('without versions', { spec: { versions: [] } }),
  refused('without a stored version', { spec: { versions: [{ ...version, name: 'v1', storage: false }] } }),
  refused('with two stored versions', {
    spec: {
      versions: [
        { ...version, name: 'v1' },
        { ...version, name: 'v2' },
      ],
    },
  }),
  refused('with a version twice', {
    spec: {
      versions: [
        { ...version, name: 'v1' },
        { ...version, name: 'v1', storage: false },
      ],
    },
  }),
  refused('with a bad version', { spec: { versions: [{ ...version, name: 'V_1' }] } }),
  refused('without a type at the root', { schema: {} }),
  refused('of another type at the root', { schema: { type: 'string' } }),
  refused('without a type in a field', { schema: withSpec({ properties: { a: {} } }) }),
  refused('without a type in items', { schema: withSpec({ type: 'array', items: {} }) }),
  refused('with an array without items', { schema: withSpec({ type: 'array' }) }),
  refused('with a type in a combination', {
    schema: withSpec({
      type: 'object',
      properties: { a: text },
      anyOf: [{ properties: { a: { type: 'string' } } }],
    }),
  }),
  refused('with a description in a combination', {
    schema: withSpec({ type: 'string', oneOf: [{ description: 'x', minLength: 1 }] }),
  }),
  refused('with a default in a combination', { schema: withSpec({ type: 'string', not: { default: 'x' } }) }),
  refused('with a combination of an undeclared field', {
    schema: withSpec({ type: 'object', anyOf: [{ properties: { b: { minLength: 1 } } }] }),
  }),
  refused('with unique items', { schema: withSpec({ type: 'array', items: text, uniqueItems: true }) }),
  refused('with properties and additional ones', {
    schema: withSpec({ type: 'object', properties: { a: text }, additionalProperties: text }),
  }),
  refused('with no additional properties', {
    schema: withSpec({ type: 'object', additionalProperties: false }),
  }),
  refused('with a type beside int-or-string', {
    schema: withSpec({ type: 'string', 'x-kubernetes-int-or-string': true }),
  }),
  refused('with a list by key without keys', {
    schema: withSpec({ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }),
  }),
  refused('with a list by a key that is none', {
    schema: withSpec({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', properties: { a: text } },
    }),
  }),
  refused('with a list by an optional key', {
    schema: withSpec({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['a'],
      items: { type: 'object', properties: { a: text } },
    }),
  }),
  refused('with a list type that is none', {
    schema: withSpec({ type: 'array', 'x-kubernetes-list-type': 'bag', items: text }),
  }),
  refused('with a default of the wrong type', {
    schema: withSpec({ type: 'object', properties: { a: { type: 'integer', default: 'x' } } }),
  }),
  refused('with a pattern that is none', { schema: withSpec({ type: 'string', pattern: '(' }) }),
  refused('with a type that is none', { schema: withSpec({ type: 'text' }) }),
  refused('with a rule that does not compile', {
    schema: withSpec({
      type: 'object',
      properties: { a: text },
      'x-kubernetes-validations': [{ rule: 'self.nope' }],
    }),
  }),
  refused('with a rule that is no question', {
    schema: withSpec({
      type: 'object',
      properties: { a: text },
      'x-kubernetes-validations': [{ rule: 'self.a' }],
    }),
  }),
  refused('with an empty rule', {
    schema: withSpec({ type: 'object', 'x-kubernetes-validations': [{ rule: '' }] }),
  }),
  story('definition: read', get(`${CRDS}/widgets.example.com`)),
];
