import type { FieldError, KubeObject, ObjectMeta, OwnerReference } from '../types.ts';
import { labelValueProblems, qualifiedNameProblems } from './names.ts';

const MAX_ANNOTATION_BYTES = 256 * 1024;
/** Events expire by themselves, so they cannot be owners. */
const EVENT_VERSIONS = ['v1'];
const BUILT_IN_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

/** The facts about a resource that the metadata rules need. */
export interface MetaRules {
  namespaced: boolean;
  nameProblems(name: string): string[];
  readonly qualifiesFinalizers?: boolean | undefined;
}

function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail };
}

function nameErrors(meta: ObjectMeta, rules: MetaRules): FieldError[] {
  const { name, generateName } = meta;
  const ofPrefix = generateName ? rules.nameProblems(masked(generateName)) : [];
  const errors = ofPrefix.map((problem) => invalidValue('metadata.generateName', generateName, problem));
  if (name) {
    const problems = rules.nameProblems(name);
    return [...errors, ...problems.map((problem) => invalidValue('metadata.name', name, problem))];
  }
  const detail = 'name or generateName is required';
  return [...errors, { type: 'Required', field: 'metadata.name', detail }];
}

/** A prefix may end in a dash, since something comes after it. */
function masked(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix;
}

function labelErrors(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(meta.labels ?? {})) {
    for (const problem of qualifiedNameProblems(key)) {
      errors.push(invalidValue('metadata.labels', key, problem));
    }
    for (const problem of labelValueProblems(value)) {
      errors.push(invalidValue('metadata.labels', value, problem));
    }
  }
  return errors;
}

function annotationErrors(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    for (const problem of qualifiedNameProblems(key.toLowerCase())) {
      errors.push(invalidValue('metadata.annotations', key, problem));
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    const detail = `may not be more than ${MAX_ANNOTATION_BYTES} bytes`;
    errors.push({ type: 'TooLong', field: 'metadata.annotations', detail });
  }
  return errors;
}

function finalizerErrors(meta: ObjectMeta): FieldError[] {
  const finalizers = meta.finalizers ?? [];
  const errors = finalizers.flatMap((finalizer) =>
    qualifiedNameProblems(finalizer).map((problem) =>
      invalidValue('metadata.finalizers', finalizer, problem),
    ),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const detail = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalidValue('metadata.finalizers', finalizers, detail));
  }
  return errors;
}

function ownerErrors(owner: OwnerReference): FieldError[] {
  const field = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  const required = (part: 'apiVersion' | 'kind' | 'name' | 'uid', detail: string): void => {
    if (!owner[part]) errors.push(invalidValue(`${field}.${part}`, owner[part] ?? '', detail));
  };
  required('apiVersion', 'version must not be empty');
  required('kind', 'must not be empty');
  required('name', 'must not be empty');
  required('uid', 'must not be empty');
  if (owner.kind === 'Event' && EVENT_VERSIONS.includes(owner.apiVersion)) {
    const [group, version] = owner.apiVersion.includes('/')
      ? owner.apiVersion.split('/')
      : ['', owner.apiVersion];
    const detail = `${group}/${version}, Kind=Event is disallowed from being an owner`;
    errors.push(invalidValue(field, owner, detail));
  }
  return errors;
}

function ownerReferenceErrors(meta: ObjectMeta): FieldError[] {
  const owners = meta.ownerReferences ?? [];
  const errors = owners.flatMap(ownerErrors);
  const controllers = owners.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const named = controllers.map(({ kind, name }) => `${kind}/${name}`);
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${named[0]} and ${named[1]}`;
    errors.push(invalidValue('metadata.ownerReferences', owners, detail));
  }
  return errors;
}

function unqualifiedErrors({ finalizers = [] }: ObjectMeta): FieldError[] {
  const detail = 'name is neither a standard finalizer name nor is it fully qualified';
  return finalizers.flatMap((finalizer, index) =>
    finalizer.includes('/') || BUILT_IN_FINALIZERS.includes(finalizer)
      ? []
      : [invalidValue(`metadata.finalizers[${index}]`, finalizer, detail)],
  );
}

function managerErrors(meta: ObjectMeta): FieldError[] {
  return (meta.managedFields ?? []).flatMap(({ operation = '', fieldsType = '' }, index) => {
    const at = `metadata.managedFields[${index}]`;
    const isKnown = operation === 'Apply' || operation === 'Update';
    return [
      ...(isKnown ? [] : [invalidValue(`${at}.operation`, operation, 'must be `Apply` or `Update`')]),
      ...(fieldsType === '' || fieldsType === 'FieldsV1'
        ? []
        : [invalidValue(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`')]),
    ];
  });
}

/** The rules of `ValidateObjectMeta`, for every object. */
export function validateMeta(meta: ObjectMeta, rules: MetaRules): FieldError[] {
  return [
    ...nameErrors(meta, rules),
    ...(rules.namespaced || !meta.namespace
      ? []
      : [{ type: 'Forbidden', field: 'metadata.namespace', detail: 'not allowed on this type' } as const]),
    ...labelErrors(meta),
    ...annotationErrors(meta),
    ...ownerReferenceErrors(meta),
    ...finalizerErrors(meta),
    ...(rules.qualifiesFinalizers ? unqualifiedErrors(meta) : []),
    ...managerErrors(meta),
  ];
}

/** Rules of `ValidateObjectMetaUpdate`: what may not change in an update. */
export function validateMetaUpdate(meta: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const fixed = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const;
  for (const part of fixed) {
    if (meta[part] !== old[part]) {
      errors.push(invalidValue(`metadata.${part}`, meta[part] ?? '', 'field is immutable'));
    }
  }
  const before = new Set(old.finalizers ?? []);
  const added = (meta.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (old.deletionTimestamp && added.length > 0) {
    const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
    errors.push({ type: 'Forbidden', field: 'metadata.finalizers', detail });
  }
  return errors;
}

/** Warnings for finalizers without a domain: they are valid, but can clash with another program's. */
export function finalizerWarnings(object: KubeObject): string[] {
  return (object.metadata.finalizers ?? [])
    .filter((finalizer) => !finalizer.includes('/') && !BUILT_IN_FINALIZERS.includes(finalizer))
    .map(
      (finalizer) =>
        `metadata.finalizers: ${JSON.stringify(finalizer)}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`,
    );
}
