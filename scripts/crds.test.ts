import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import * as kinds from '../src/api/kinds.ts';

type Schema = {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
};
type Version = {
  readonly name: string;
  readonly subresources?: { readonly status?: object };
  readonly additionalPrinterColumns?: readonly { readonly name: string; readonly description?: string }[];
  readonly schema: { readonly openAPIV3Schema: Schema };
};
type Crd = {
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: {
      readonly kind: string;
      readonly plural: string;
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    };
    readonly versions: readonly Version[];
  };
};

const folder = join(import.meta.dirname, '../crds');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const crds = files.map((file) => load(readFileSync(join(folder, file), 'utf8')) as Crd);

/** Paths of the properties of which `kubectl explain` would say nothing. */
function undescribed(schema: Schema, path: string): string[] {
  const { properties = {}, items, additionalProperties } = schema;
  const below = Object.entries(properties).flatMap(([name, property]) => [
    ...(property.description?.trim() ? [] : [`${path}.${name}`]),
    ...undescribed(property, `${path}.${name}`),
  ]);
  if (items !== undefined) below.push(...undescribed(items, `${path}[]`));
  if (typeof additionalProperties === 'object') below.push(...undescribed(additionalProperties, `${path}{}`));
  return below;
}

/** Paths of the defaults in list items, which kubectl takes for differences, as it compares lists as a whole. */
function defaultsInLists(schema: Schema, path: string, isInList = false): string[] {
  const { properties = {}, items, additionalProperties } = schema;
  const below = Object.entries(properties).flatMap(([name, property]) =>
    defaultsInLists(property, `${path}.${name}`, isInList),
  );
  if (items !== undefined) below.push(...defaultsInLists(items, `${path}[]`, true));
  if (typeof additionalProperties === 'object')
    below.push(...defaultsInLists(additionalProperties, `${path}{}`, isInList));
  return isInList && schema.default !== undefined ? [path, ...below] : below;
}

/** Kinds that are a record and nothing else: there is nothing about them that could be true or false. */
const RECORDS: readonly string[] = ['IPLease'];

it('the definitions are those of the kinds in src/api/kinds.ts, under the same names', () => {
  const defined = crds.map(({ spec }) => [
    spec.group,
    spec.names.kind,
    spec.names.plural,
    spec.scope === 'Namespaced',
  ]);
  // ConfigMap is among them, too: Kubernetes itself defines it.
  const refs = Object.values(kinds)
    .filter(({ group }) => group !== '')
    .map(({ group, kind, plural, namespaced }) => [group, kind, plural, namespaced]);
  expect(defined.sort()).toEqual(refs.sort());
  expect(crds).toHaveLength(refs.length);
});

describe.each(crds.map((crd) => [crd.spec.names.kind, crd] as const))('%s', (kind, { spec }) => {
  it('have no defaults in lists, so that kubectl calls what is applied again unchanged', () => {
    for (const { schema } of spec.versions) expect(defaultsInLists(schema.openAPIV3Schema, kind)).toEqual([]);
  });

  it('has a short name, the category and a version', () => {
    expect(spec.names.shortNames?.length).toBeGreaterThan(0);
    expect(spec.names.categories).toContain('coppice');
    expect(spec.versions.map(({ name }) => name)).toContain('v1alpha1');
  });

  it('counts as unfinished from its creation on, for those who judge health by observedGeneration', () => {
    const defaults = spec.versions.map(({ schema }) => schema.openAPIV3Schema.properties?.status?.default);
    expect(defaults).toEqual([RECORDS.includes(kind) ? undefined : { observedGeneration: -1 }]);
  });

  it.each(spec.versions.map((version) => [version.name, version] as const))(
    '%s has a status and the column Ready, unless it is a record, and a word on every field',
    (_, { subresources, additionalPrinterColumns = [], schema: { openAPIV3Schema } }) => {
      const isRecord = RECORDS.includes(kind);
      expect(subresources?.status !== undefined).toBe(!isRecord);
      expect(additionalPrinterColumns.some(({ name }) => name === 'Ready')).toBe(!isRecord);
      expect(additionalPrinterColumns.filter(({ description }) => !description)).toEqual([]);
      expect(openAPIV3Schema.description).toBeTruthy();
      const { apiVersion, kind: _kind, metadata, ...ours } = openAPIV3Schema.properties ?? {};
      expect(undescribed({ properties: ours }, kind)).toEqual([]);
    },
  );
});
