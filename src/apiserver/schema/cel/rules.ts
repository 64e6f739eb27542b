/** Runs a schema's CEL rules over an object, as kube-apiserver does on every write. */

import { Optional } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import type { FieldError, JsonObject, JsonValue, ValidationRule } from '../../types.ts';
import { childPath, correlatedItem, isObject } from '../json.ts';
import { sameAs } from '../openapi-rules.ts';
import { alignOld } from './align.ts';
import type { CompiledRule, RuleNode } from './rule-tree.ts';

/** A value, its old value, and whether the value around it is unchanged. */
interface Subject {
  readonly value: JsonValue;
  readonly path: string;
  /** Undefined on creation, and where the value has no old counterpart. */
  readonly old: JsonValue | undefined;
  readonly unchanged: boolean;
}

/** Errors of all rules that an object violates. Transition rules run only where the value has an old counterpart. */
export function ruleErrors(root: RuleNode, object: JsonObject, old: JsonObject | undefined): FieldError[] {
  return visit(root, subject(root, object, '', old, false));
}

/** Errors of values that an update has not changed are dropped, like those of the schema. */
function subject(
  node: RuleNode,
  value: JsonValue,
  path: string,
  old: JsonValue | undefined,
  around: boolean,
): Subject {
  const unchanged = old === undefined ? around : sameAs(node.schema, value, old);
  return { value, path, old, unchanged };
}

function visit(node: RuleNode, at: Subject): FieldError[] {
  // Rules about null belong to the value around it.
  if (at.value === null) return [];
  return [
    ...runRules(node, at),
    ...node.allOf.flatMap((part) => visit(part, at)),
    ...visitItems(node, at),
    ...visitKeys(node, at),
  ];
}

function visitItems(node: RuleNode, at: Subject): FieldError[] {
  const { items } = node;
  if (items === undefined || !Array.isArray(at.value)) return [];
  return at.value.flatMap((item, index) => {
    const old = correlatedItem(node.schema, item, at.old);
    return visit(items, subject(items, item, `${at.path}[${index}]`, old, at.unchanged));
  });
}

function visitKeys(node: RuleNode, at: Subject): FieldError[] {
  const { value, old } = at;
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const property = node.properties.get(key);
    const child = property ?? node.additional;
    if (child === undefined || item === undefined) return [];
    const path = property === undefined ? `${at.path}[${key}]` : childPath(at.path, key);
    return visit(child, subject(child, item, path, isObject(old) ? own(old, key) : undefined, at.unchanged));
  });
}

function runRules(node: RuleNode, at: Subject): FieldError[] {
  const { type } = node;
  if (type === undefined || node.rules.length === 0) return [];
  const self = type.toCel(at.value);
  const known = at.old !== undefined && at.old !== null;
  const old = known ? type.toCel(alignOld(node.schema, at.value, at.old)) : undefined;
  return node.rules.flatMap((rule) => {
    const optional = rule.rule.optionalOldSelf === true;
    if (rule.usesOldSelf && old === undefined && !optional) return [];
    const wrapped = old === undefined ? Optional.none() : Optional.of(old);
    const variables = { self, oldSelf: optional ? wrapped : old };
    return runRule(node, rule, variables, at);
  });
}

function runRule(
  node: RuleNode,
  rule: CompiledRule,
  variables: Record<string, unknown>,
  at: Subject,
): FieldError[] {
  const outcome = evaluate(() => rule.run(variables));
  if (outcome.error !== undefined) {
    const detail = runtimeDetail(outcome.error, rule.rule);
    return [{ type: 'Invalid', field: fieldOf(at.path), value: node.schema.type ?? '', detail }];
  }
  if (outcome.value === true) return [];
  if (at.unchanged && !rule.usesOldSelf) return [];
  const detail = messageOf(rule, variables);
  const compound = node.schema.type === 'object' || node.schema.type === 'array';
  const value = compound ? {} : { value: at.value };
  return [errorFor(rule.rule, fieldOf(`${at.path}${rule.fieldPath}`.replace(/^\./, '')), value, detail)];
}

function fieldOf(path: string): string {
  return path === '' ? '<nil>' : path;
}

function errorFor(
  rule: ValidationRule,
  field: string,
  value: { value?: JsonValue },
  detail: string,
): FieldError {
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return { type: 'Forbidden', field, detail };
    case 'FieldValueRequired':
      return { type: 'Required', field, detail };
    case 'FieldValueDuplicate':
      return { type: 'Duplicate', field, ...value, detail: '' };
    default:
      return { type: 'Invalid', field, ...value, detail };
  }
}

interface Outcome {
  readonly value?: unknown;
  readonly error?: Error;
}

/** Any failure of an expression is a fault of the object or the rule, and is reported as such. */
function evaluate(expression: () => unknown): Outcome {
  try {
    return { value: expression() };
  } catch (error) {
    if (error instanceof Error) return { error };
    throw error;
  }
}

const MAX_MESSAGE = 5 * 1024;

/** The rule's message: from its message expression, or the fixed message if that fails or gives no usable text. */
function messageOf({ rule, message }: CompiledRule, variables: Record<string, unknown>): string {
  const fallback =
    rule.message === undefined || rule.message === '' ? `failed rule: ${nameOf(rule)}` : nameOf(rule);
  if (message === undefined) return fallback;
  const { value } = evaluate(() => message(variables));
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE ? fallback : text;
}

function nameOf(rule: ValidationRule): string {
  const message = rule.message?.trim() ?? '';
  return message === '' ? rule.rule.trim() : message;
}

function runtimeDetail(error: Error, rule: ValidationRule): string {
  const code = 'code' in error ? String(error.code) : '';
  const summary = 'summary' in error ? String(error.summary) : error.message;
  if (/overload/.test(code) || summary === 'no such overload') {
    const what = 'call arguments did not match a supported operator, function or macro signature';
    return `'no such overload': ${what} for rule: ${nameOf(rule)}`;
  }
  return `${goWording(code, summary)} evaluating rule: ${nameOf(rule)}`;
}

function goWording(code: string, summary: string): string {
  const detail = summary.replace(/^[^:]*: /, '');
  switch (code) {
    case 'no_such_key':
      return `no such key: ${detail}`;
    case 'index_out_of_bounds':
      return `index out of bounds: ${/index (-?\d+)/.exec(summary)?.[1] ?? detail}`;
    case 'modulo_by_zero':
      return 'modulus by zero';
    case 'numeric_overflow':
      return 'integer overflow';
    case 'optional_value_missing':
      return 'optional.none() dereference';
    default:
      return summary;
  }
}
