/**
 * Compiles structural schemas for pruning, defaulting and validation, as kube-apiserver does them for custom resources.
 */

import type { CompiledSchema, FieldError, JsonObject, JsonSchema } from '../types.ts';
import { CostBudget } from './cel/estimate/budget.ts';
import { compileRules, type RuleTree } from './cel/rule-tree.ts';
import { ruleErrors } from './cel/rules.ts';
import { applyDefaults } from './defaults.ts';
import { embeddedErrors } from './embedded.ts';
import { listTypeErrors } from './list-types.ts';
import { openApiErrors } from './openapi-rules.ts';
import { pruneObject } from './prune.ts';
import { NO_PATH } from './result.ts';
import { type ScalePaths, scaleErrors } from './scale.ts';

interface CompileOptions {
  /** Keep unknown fields everywhere, as a CRD with `preserveUnknownFields: true` does. */
  readonly preserveUnknown?: boolean;
  /** The paths of the kind's scale subresource, whose values kube checks beyond the schema. */
  readonly scale?: ScalePaths | undefined;
}

/**
 * Compiles a schema, including its CEL rules. A rule that does not compile is left out: call `schemaRuleErrors` before
 * accepting a schema.
 */
export function compileSchema(schema: JsonSchema, options: CompileOptions = {}): CompiledSchema {
  // Rules are compiled when the first object is validated: most kinds of a server never have one.
  let compiled: RuleTree | undefined;
  const rules = () => {
    compiled ??= compileRules(schema, '');
    return compiled;
  };
  return {
    prune: (object) => pruneObject(schema, options.preserveUnknown === true, object),
    applyDefaults: (object, nulls = {}) => applyDefaults(schema, object, nulls.keepNulls === true),
    validate: (object, old, how = {}) => validate({ schema, options, rules: rules(), object, old, ...how }),
  };
}

/**
 * Why a CRD with this schema must be refused: rules that do not compile, or may cost too much, each with the path at which
 * kube names it. `path` is that of the schema in the CRD, e.g. `spec.validation.openAPIV3Schema`. A rule of a schema that is
 * unchanged may cost what it did, unless all together cost too much.
 */
export function schemaRuleErrors(
  schema: JsonSchema,
  path: string,
  isUnchanged = false,
): readonly FieldError[] {
  return compileRules(schema, path, new CostBudget(isUnchanged)).errors;
}

interface Validation {
  readonly schema: JsonSchema;
  readonly options: CompileOptions;
  readonly rules: RuleTree;
  readonly object: JsonObject;
  readonly old: JsonObject | undefined;
  readonly subresource?: 'status' | undefined;
  readonly others?: readonly FieldError[];
}

function validate(write: Validation): FieldError[] {
  const { schema, options, rules, object, old } = write;
  const errors = [
    ...(write.subresource === 'status' ? statusErrors(write) : wholeErrors(write)),
    ...(options.scale === undefined
      ? []
      : scaleErrors(options.scale, object, write.subresource === 'status')),
    ...embeddedErrors(schema, object),
    // An error that existed before the update is tolerated: the updating client may be unable to fix it.
    ...(old !== undefined && listTypeErrors(schema, old).length > 0 ? [] : listTypeErrors(schema, object)),
  ];
  if (rules.root === undefined) return errors;
  const found = [...errors, ...(write.others ?? [])];
  if (found.some((error) => BLOCKING.has(error.type))) return [...errors, RULES_NOT_CHECKED];
  return [...errors, ...ruleErrors(rules.root, object, old)];
}

function wholeErrors({ schema, object, old }: Validation): readonly FieldError[] {
  return openApiErrors(schema, object, '', old === undefined ? undefined : { value: old });
}

function statusErrors({ schema, object, old }: Validation): readonly FieldError[] {
  const status = schema.properties?.status;
  if (status === undefined || object.status === undefined) return [];
  const before = old?.status === undefined ? undefined : { value: old.status };
  return openApiErrors(status, object.status, '', before).map((error) => ({
    ...error,
    field: inStatus(error.field),
  }));
}

function inStatus(field: string): string {
  if (field === NO_PATH) return 'status';
  return field.startsWith('[') ? `status${field}` : `status.${field}`;
}

/** Errors after which a value fits its schema too little for CEL rules to run on it. */
const BLOCKING: ReadonlySet<FieldError['type']> = new Set([
  'NotSupported',
  'Required',
  'TooLong',
  'TooMany',
  'TypeInvalid',
]);

const RULES_NOT_CHECKED: FieldError = {
  type: 'Invalid',
  field: NO_PATH,
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};
