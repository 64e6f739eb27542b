import { isDeepStrictEqual } from 'node:util';
import { subdomainProblems } from '../meta/names.ts';
import { compileSchema } from '../schema/compile.ts';
import { cloneJson } from '../schema/json.ts';
import { evaluateJsonPath } from '../schema/jsonpath.ts';
import type { FieldGetters } from '../selectors/field-selector.ts';
import type { CompiledSchema, KubeObject } from '../types.ts';
import { ageOf, customAgeColumn, nameColumn } from './columns.ts';
import type { CrdVersion, CustomResourceDefinition } from './definition.ts';
import { fieldPath, valueAt } from './field-path.ts';
import { asJson, type Column, META_FIELDS, type Resource, type ScalePaths } from './resource.ts';
import { compareVersions } from './versions.ts';

/** In kube's order for custom resources. */
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

const TERMINATING = 'create not allowed while custom resource definition is terminating';

type PrinterColumn = NonNullable<CrdVersion['additionalPrinterColumns']>[number];

function cellValue(type: string, value: unknown, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageOf(value, now) : '<unknown>';
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

function printerColumn(column: PrinterColumn): Column {
  const { name, type, format = '', priority = 0, jsonPath } = column;
  const description =
    column.description || `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  const cell: Column['cell'] = (object, now) =>
    cellValue(type, evaluateJsonPath(asJson(object), jsonPath), now);
  return { name, type, format, description, priority, cell };
}

function columnsOf(version: CrdVersion): Column[] {
  const columns = version.additionalPrinterColumns ?? [];
  return [nameColumn(), ...(columns.length === 0 ? [customAgeColumn()] : columns.map(printerColumn))];
}

function selectableOf(version: CrdVersion): FieldGetters {
  const fields = (version.selectableFields ?? []).map(({ jsonPath }) => {
    const path = fieldPath(jsonPath);
    const get = (object: KubeObject): string => {
      const value = valueAt(asJson(object), path);
      return value === undefined || value === null ? '' : String(value);
    };
    return [path.join('.'), get] as const;
  });
  return { ...META_FIELDS, ...Object.fromEntries(fields) };
}

function scaleOf(version: CrdVersion): ScalePaths | undefined {
  const scale = version.subresources?.scale;
  if (scale === undefined) return undefined;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return {
    specReplicas: fieldPath(specReplicasPath),
    statusReplicas: fieldPath(statusReplicasPath),
    labelSelector: labelSelectorPath ? fieldPath(labelSelectorPath) : undefined,
  };
}

function deprecationOf(crd: CustomResourceDefinition, version: CrdVersion): string | undefined {
  if (version.deprecated !== true) return undefined;
  const { group, names, versions } = crd.spec;
  const [newest] = versions
    .filter(({ served, deprecated }) => served && deprecated !== true)
    .map(({ name }) => name)
    .sort(compareVersions);
  const isNewer = newest !== undefined && compareVersions(newest, version.name) < 0;
  const advice = isNewer ? `; use ${group}/${newest} ${names.kind}` : '';
  return version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated${advice}`;
}

/**
 * Adds defaults that the schema gained since an object was stored, and removes fields that the schema does not (or no
 * longer) have, as kube does on every read. Returns the same object when there is nothing to do. Checks each object once.
 */
function versionReader(compiled: CompiledSchema): (object: KubeObject) => KubeObject {
  const seen = new WeakMap<KubeObject, KubeObject>();
  return (object) => {
    const known = seen.get(object);
    if (known !== undefined) return known;
    const filled = cloneForReading(object);
    compiled.prune(asJson(filled));
    compiled.applyDefaults(asJson(filled));
    const result = isDeepStrictEqual(filled, object) ? object : filled;
    seen.set(object, result);
    return result;
  };
}

/** A copy but for managedFields, of which nothing is read and which may be half of the object. */
function cloneForReading({ metadata, ...object }: KubeObject): KubeObject {
  const { managedFields, ...others } = metadata;
  const copy = cloneJson(others);
  return { ...cloneJson(object), metadata: managedFields === undefined ? copy : { ...copy, managedFields } };
}

function resourceOf(crd: CustomResourceDefinition, version: CrdVersion, stored: string): Resource {
  const { group, names, scope, preserveUnknownFields } = crd.spec;
  const schema = version.schema?.openAPIV3Schema ?? {};
  const apiVersion = `${group}/${version.name}`;
  const scale = scaleOf(version);
  const compiled = compileSchema(schema, {
    preserveUnknown: preserveUnknownFields === true,
    scale: version.subresources?.scale,
  });
  const read = versionReader(compiled);
  const withVersion = (object: KubeObject, wanted: string): KubeObject =>
    object.apiVersion === wanted ? object : { ...object, apiVersion: wanted };
  return {
    group,
    version: version.name,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    bucket: `${group}/${names.plural}`,
    storedApiVersion: `${group}/${stored}`,
    custom: true,
    hasStatus: version.subresources?.status !== undefined,
    countsGenerations: true,
    answersWithDeleted: false,
    verbs: CUSTOM_VERBS,
    struct: undefined,
    scale,
    schema,
    compiled,
    columns: columnsOf(version),
    selectable: selectableOf(version),
    mergeKeys: {},
    rules: {
      nameProblems: (name) => subdomainProblems(name),
      requiresVersion: true,
      refusesCreation: crd.metadata.deletionTimestamp === undefined ? undefined : TERMINATING,
    },
    definitionName: undefined,
    deprecation: deprecationOf(crd, version),
    fromStored: (object) => withVersion(read(object), apiVersion),
    toStored: (object) => withVersion(object, `${group}/${stored}`),
  };
}

/**
 * The resources of a definition: one per served version. Versions differ by schema only (conversion strategy None).
 * Throws when a schema or a path in it is invalid.
 */
export function customResources(crd: CustomResourceDefinition): Resource[] {
  const { versions } = crd.spec;
  const stored = versions.find((version) => version.storage)?.name ?? '';
  return versions.filter((version) => version.served).map((version) => resourceOf(crd, version, stored));
}
