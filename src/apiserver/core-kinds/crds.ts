import { isSameJson } from '../../base/equality.ts';
import { strictLabelProblems, subdomainProblems } from '../meta/names.ts';
import { createdAtColumn, nameColumn } from '../registry/columns.ts';
import { customResources } from '../registry/custom-resource.ts';
import type { CrdVersion, CustomResourceDefinition } from '../registry/definition.ts';
import type { Resource } from '../registry/resource.ts';
import { schemaRuleErrors } from '../schema/compile.ts';
import type { FieldError, KubeObject, Subresource } from '../types.ts';
import { acceptedErrors, definitionErrors } from './crd-rules.ts';
import { definitionSchema } from './crd-schema.ts';
import { DEFINITION } from './crd-structs.ts';
import { defineKind } from './define.ts';
import { structuralErrors } from './structural.ts';

export const CRD_BUCKET = 'apiextensions.k8s.io/customresourcedefinitions';

/** Delays a definition's removal until its objects are gone. */
export const CRD_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

function fillDefaults(object: KubeObject): void {
  const crd = object as CustomResourceDefinition;
  const { names } = crd.spec ?? {};
  if (names?.kind) {
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
  }
  if (crd.spec === undefined) return;
  if (!crd.status?.storedVersions?.length) {
    crd.status = { ...crd.status, storedVersions: storageNames(crd).slice(0, 1) };
  }
  crd.spec.conversion ??= { strategy: 'None' };
  // kube has other fields for a webhook inside, and finds none set.
  const { webhook } = crd.spec.conversion;
  if (webhook !== undefined && !webhook.clientConfig && !webhook.conversionReviewVersions?.length) {
    delete crd.spec.conversion.webhook;
  }
}

function storageNames({ spec }: CustomResourceDefinition): string[] {
  return (spec?.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name);
}

function prepare(object: KubeObject, old: KubeObject | undefined): void {
  const crd = object as CustomResourceDefinition;
  if (old !== undefined) {
    // The status lists a storage version before the first object is stored in it.
    const before = storageNames(old as CustomResourceDefinition);
    const added = storageNames(crd).filter((name) => !before.includes(name));
    const stored = crd.status?.storedVersions ?? [];
    crd.status = { ...crd.status, storedVersions: [...new Set([...stored, ...added])] };
    return;
  }
  const [stored] = storageNames(crd);
  const storedVersions = stored === undefined ? null : [stored];
  crd.status = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions };
}

/** Sets the condition which says that the definition waits for the deletion of its objects. */
function beginDeletion(object: KubeObject): void {
  const { status, metadata } = object as CustomResourceDefinition;
  const condition = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    lastTransitionTime: metadata.deletionTimestamp ?? '',
  };
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), CRD_FINALIZER])];
  object.status = { ...status, conditions: [...(status?.conditions ?? []), condition] };
}

function required(field: string): FieldError {
  return { type: 'Required', field, detail: '' };
}

function nameErrors({ metadata, spec }: CustomResourceDefinition, isNew: boolean): FieldError[] {
  const { names } = spec;
  const errors: FieldError[] = [];
  if (isNew && metadata.name && metadata.name !== `${names?.plural}.${spec.group}`) {
    const detail = 'must be spec.names.plural+"."+spec.group';
    errors.push({ type: 'Invalid', field: 'metadata.name', value: metadata.name, detail });
  }
  errors.push(...groupErrors(spec.group));
  if (!spec.scope) errors.push(required('spec.scope'));
  else if (!['Namespaced', 'Cluster'].includes(spec.scope)) {
    const detail = 'supported values: "Cluster", "Namespaced"';
    errors.push({ type: 'NotSupported', field: 'spec.scope', value: spec.scope, detail });
  }
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!names?.[name]) errors.push(required(`spec.names.${name}`));
  }
  return errors;
}

function groupErrors(group: string): FieldError[] {
  if (!group) return [required('spec.group')];
  const problems = subdomainProblems(group);
  if (problems.length === 0 && !group.includes('.'))
    problems.push('should be a domain with at least one dot');
  const detail = problems.join(',');
  return detail === '' ? [] : [{ type: 'Invalid', field: 'spec.group', value: group, detail }];
}

function versionErrors(crd: CustomResourceDefinition): FieldError[] {
  const versions = crd.spec.versions ?? [];
  const errors = versions.flatMap((version, index): FieldError[] => {
    const at = `spec.versions[${index}]`;
    const detail = strictLabelProblems(version.name ?? '').join(',');
    const value = version.name;
    // kube also reports the first version by its deprecated field.
    const isFirst = index === 0 && value !== '';
    const places = detail === '' ? [] : [`${at}.name`, ...(isFirst ? ['spec.version'] : [])];
    const bad = places.map((field): FieldError => ({ type: 'Invalid', field, value, detail }));
    const schema = version.schema?.openAPIV3Schema;
    return schema === undefined ? [...bad, required(`${at}.schema.openAPIV3Schema`)] : bad;
  });
  const about = (detail: string): FieldError => ({
    type: 'Invalid',
    field: 'spec.versions',
    valueText: versionsText(crd),
    detail,
  });
  if (new Set(versions.map(({ name }) => name)).size !== versions.length) {
    errors.push(about('must contain unique version names'));
  }
  if (storageNames(crd).length !== 1) {
    errors.push(about('must have exactly one version marked as storage version'));
  }
  return [...errors, ...storedErrors(crd)];
}

/** The versions as Go prints them. Go stores schemas and columns outside the versions while all versions share them. */
function versionsText({ spec }: CustomResourceDefinition): string {
  const shown = spec.versions?.map((version) => ({
    Name: version.name,
    Served: version.served,
    Storage: version.storage,
    Deprecated: version.deprecated ?? false,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  }));
  return JSON.stringify(shown ?? null);
}

/** The error for a removed version in which objects may still be stored. */
function lostVersion(name: string): FieldError {
  const detail = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
  return { type: 'Invalid', field: '', value: name, detail };
}

/** Checks status.storedVersions: it must list the storage version, and the spec must have every version that it lists. */
function storedErrors(crd: CustomResourceDefinition): FieldError[] {
  const stored = crd.status?.storedVersions ?? null;
  const field = 'status.storedVersions';
  if (stored === null || stored.length === 0) {
    return [{ type: 'Invalid', field, value: stored, detail: 'must have at least one stored version' }];
  }
  const unstored = storageNames(crd).filter((name) => !stored.includes(name));
  const known = new Set((crd.spec.versions ?? []).map(({ name }) => name));
  return [
    ...unstored.map(
      (name): FieldError => ({
        type: 'Invalid',
        field,
        value: stored,
        detail: `must have the storage version ${name}`,
      }),
    ),
    ...stored.flatMap((name, index) =>
      known.has(name) ? [] : [{ ...lostVersion(name), field: `${field}[${index}]` }],
    ),
  ];
}

/** kube reports a single version's schema, and one that all versions share, by the deprecated field. */
function schemaPath({ spec }: CustomResourceDefinition, index: number): string {
  const texts = new Set((spec.versions ?? []).map(({ schema }) => JSON.stringify(schema ?? null)));
  return texts.size === 1
    ? 'spec.validation.openAPIV3Schema'
    : `spec.versions[${index}].schema.openAPIV3Schema`;
}

/**
 * Why the schemas cannot be served: they are not structural or, if structural, contain rules that do not compile or may cost
 * too much.
 */
function schemaErrors(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  const versions = new Map<string, CrdVersion>();
  for (const [index, version] of (crd.spec.versions ?? []).entries()) {
    const path = schemaPath(crd, index);
    // What all versions share counts as the first one's.
    if (!versions.has(path)) versions.set(path, version);
  }
  return [...versions].flatMap(([path, { name, schema }]) => {
    const now = schema?.openAPIV3Schema;
    if (now === undefined) return [];
    const errors = structuralErrors(now, path);
    if (errors.length > 0) return errors;
    const before = old?.spec?.versions?.find((version) => version.name === name)?.schema?.openAPIV3Schema;
    return schemaRuleErrors(now, path, before !== undefined && isSameJson(now, before));
  });
}

function immutableErrors(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  if (old === undefined) return [];
  const pairs = [
    ['spec.group', crd.spec.group, old.spec.group],
    ['spec.scope', crd.spec.scope, old.spec.scope],
    ['spec.names.plural', crd.spec.names?.plural, old.spec.names?.plural],
    ['spec.names.kind', crd.spec.names?.kind, old.spec.names?.kind],
  ] as const;
  return pairs
    .filter(([, value, before]) => value !== before)
    .map(([field, value]) => ({ type: 'Invalid', field, value, detail: 'field is immutable' }));
}

function compileErrors(crd: CustomResourceDefinition): FieldError[] {
  try {
    customResources(crd);
    return [];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ type: 'Invalid', field: 'spec.versions', valueText: '', detail }];
  }
}

function validate(object: KubeObject, old: KubeObject | undefined, subresource?: Subresource): FieldError[] {
  const crd = object as CustomResourceDefinition;
  if (subresource === 'status') return acceptedErrors(crd);
  if (crd.spec === undefined) return [required('spec')];
  const errors = [
    ...nameErrors(crd, old === undefined),
    ...versionErrors(crd),
    ...definitionErrors(crd),
    ...schemaErrors(crd, old as CustomResourceDefinition | undefined),
    ...immutableErrors(crd, old as CustomResourceDefinition | undefined),
  ];
  return errors.length > 0 ? errors : compileErrors(crd);
}

/** CustomResourceDefinition itself. */
export function crdKind(): Resource {
  return defineKind({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    definitionName: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    namespaced: false,
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    bucket: CRD_BUCKET,
    hasStatus: true,
    countsGenerations: true,
    schema: definitionSchema(),
    columns: [nameColumn(), createdAtColumn()],
    struct: DEFINITION,
    rules: {
      requiresVersion: true,
      fillDefaults,
      prepare,
      beginDeletion,
      validate,
      // A definition is never removed at once: its finalizer waits until its objects are gone.
      holdsBack: ({ metadata }) => metadata.deletionTimestamp === undefined,
    },
  });
}
