import type { GoStruct } from '../codec/go-types.ts';
import { subdomainProblems } from '../meta/names.ts';
import { ageColumn, nameColumn } from '../registry/columns.ts';
import { apiVersionOf, type KindRules, META_FIELDS, type Resource, VERBS } from '../registry/resource.ts';
import { compileSchema } from '../schema/compile.ts';
import type { JsonSchema } from '../types.ts';

/** The properties of one built-in kind; everything else is common to all. */
interface Definition {
  group: string;
  version: string;
  plural: string;
  kind: string;
  /** Name in kube's OpenAPI documents. */
  definitionName: string;
  schema: JsonSchema;
  namespaced?: boolean;
  singular?: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  bucket?: string;
  storedApiVersion?: string;
  hasStatus?: boolean;
  countsGenerations?: boolean;
  answersWithDeleted?: boolean;
  verbs?: readonly string[];
  struct: GoStruct;
  columns?: Resource['columns'];
  selectable?: Resource['selectable'];
  mergeKeys?: Resource['mergeKeys'];
  rules?: Partial<KindRules>;
  fromStored?: Resource['fromStored'];
  toStored?: Resource['toStored'];
}

/** Makes the resource of a built-in kind. */
export function defineKind(definition: Definition): Resource {
  const { group, version, plural, kind, rules, selectable, mergeKeys, schema } = definition;
  const apiVersion = apiVersionOf({ group, version });
  return {
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
    namespaced: true,
    shortNames: [],
    categories: [],
    bucket: group === '' ? plural : `${group}/${plural}`,
    storedApiVersion: apiVersion,
    hasStatus: false,
    countsGenerations: false,
    answersWithDeleted: false,
    verbs: VERBS,
    columns: [nameColumn(), ageColumn()],
    fromStored: (object) => object,
    toStored: (object) => object,
    ...definition,
    custom: false,
    scale: undefined,
    deprecation: undefined,
    compiled: compileSchema(schema, {}),
    selectable: { ...META_FIELDS, ...selectable },
    mergeKeys: { 'metadata.ownerReferences': 'uid', ...mergeKeys },
    rules: { nameProblems: (name) => subdomainProblems(name), ...rules },
  };
}
