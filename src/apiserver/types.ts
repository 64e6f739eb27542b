/**
 * Types that the parts of the embedded API server share: objects, schemas, field errors and kinds, and the contracts of
 * schema compilation and server-side apply.
 */

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { ObjectMeta as StoredMeta } from '../base/object.ts';

export type { JsonObject, JsonValue } from '../base/json.ts';
export type { ManagedFieldsEntry, OwnerReference } from '../base/object.ts';

/** Metadata as clients send it: the name may be generated, and null means "not set". */
export interface ObjectMeta extends Omit<Partial<StoredMeta>, 'creationTimestamp'> {
  creationTimestamp?: string | null;
  selfLink?: string;
}

/** Any object of the API; fields besides type and metadata depend on the kind. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** OpenAPI v3 schema as `apiextensions.k8s.io/v1` knows it (JSONSchemaProps), extensions included. */
export interface JsonSchema {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: JsonValue;
  example?: JsonValue;
  nullable?: boolean;
  enum?: JsonValue[];
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minProperties?: number;
  maxProperties?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  allOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  not?: JsonSchema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: ValidationRule[];
}

/** One CEL rule of `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** What is wrong with one field, as k8s.io/apimachinery `field.Error` has it. */
export type FieldErrorType =
  | 'Invalid'
  | 'Required'
  | 'NotSupported'
  | 'Duplicate'
  | 'Forbidden'
  | 'TooLong'
  | 'TooMany'
  | 'NotFound'
  | 'TypeInvalid'
  | 'InternalError';

/**
 * `detail` is the text after the value (`must be …`). `valueText`, if given, stands for the value as kube prints it
 * (a struct, say); otherwise `value` is printed as Go's `field.Error` does: strings quoted, the rest as JSON.
 * For `NotSupported` `detail` is the whole `supported values: "a", "b"`.
 */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  detail: string;
  value?: unknown;
  valueText?: string;
}

/**
 * A compiled structural schema. All three functions take the whole object (with apiVersion, kind, metadata) but ignore type
 * and metadata at the root, which the server itself handles.
 */
export interface CompiledSchema {
  /** Removes fields that the schema does not declare, in place; returns their paths, e.g. `spec.foo`. */
  prune(object: JsonObject): string[];
  /**
   * Fills in defaults, in place. `keepNulls` is for the result of server-side apply: kube does not drop a manifest's nulls
   * there.
   */
  applyDefaults(object: JsonObject, nulls?: { keepNulls?: boolean }): void;
  /**
   * Checks OpenAPI and CEL rules; with `old` also transition rules. Empty when the object is valid.
   */
  validate(object: JsonObject, old?: JsonObject, how?: ValidationHow): FieldError[];
}

/** How an object is checked against its schema. */
export interface ValidationHow {
  /** Only the status is written: kube's messages then name fields relative to it (`status.phase: … phase in body must be …`). */
  subresource?: 'status' | undefined;
  /** Errors of the metadata: some of them keep CEL rules from being run. */
  others?: readonly FieldError[];
}

/** The endpoint of a write: undefined is the main resource. */
export type Subresource = 'status' | 'scale' | 'finalize' | undefined;

/** What a write goes through. */
export interface Endpoint {
  subresource: Subresource;
  /** Whether the kind is not one of Kubernetes' own, whose status endpoints write metadata, too. */
  custom: boolean;
}

/** The input of server-side apply: `applied` is the manifest as sent; `live` is absent when apply creates the object. */
export interface ApplyRequest extends Endpoint {
  live: KubeObject | undefined;
  applied: KubeObject;
  /** The manifest with what this endpoint does not write, which must fit its type, too; absent where `applied` is all of it. */
  manifest?: KubeObject;
  manager: string;
  force: boolean;
  apiVersion: string;
  /** What every object of a built-in kind has, even when nothing is set (`{ spec: {} }`): no manager owns it. */
  zero?: JsonObject | undefined;
  /** The kind's OpenAPI schema, for list and map types; if undefined, maps are granular and lists atomic. */
  schema: JsonSchema | undefined;
  /** RFC 3339, whole seconds. */
  now: string;
}

/** `field` in kube's notation: `.spec.replicas`, `.spec.services[name="web"].replicas`. */
export interface ApplyConflict {
  manager: string;
  /** apiVersion and operation of the entry that owns the field, for kube's message. */
  apiVersion: string;
  operation: 'Apply' | 'Update';
  subresource?: string;
  time?: string;
  field: string;
}

export type ApplyResult = { ok: true; object: KubeObject } | { ok: false; conflicts: ApplyConflict[] };

/** An ordinary write for which managedFields need an update; `old` is absent on create. */
export interface TrackRequest extends Endpoint {
  /** What every object of a built-in kind has, even when nothing is set (`{ spec: {} }`): no manager owns it. */
  zero?: JsonObject | undefined;
  old: KubeObject | undefined;
  updated: KubeObject;
  /** The object as sent, including fields that this endpoint does not write; absent where it always fits the schema. */
  sent?: KubeObject | undefined;
  manager: string;
  apiVersion: string;
  schema: JsonSchema | undefined;
  now: string;
}

/** One kind in the OpenAPI documents. */
export interface OpenApiKind {
  /** '' is the core group. */
  group: string;
  version: string;
  kind: string;
  listKind: string;
  plural: string;
  namespaced: boolean;
  /** Root schema: properties besides apiVersion, kind, metadata, which the builder adds. */
  schema: JsonSchema;
  subresources: readonly ('status' | 'scale')[];
  /** e.g. `io.k8s.api.core.v1.ConfigMap`; undefined: derived from group, version and kind as for a custom resource. */
  definitionName?: string;
}
