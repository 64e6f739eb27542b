/** Runs a schema's CEL rules over an object, as kube-apiserver does on every write. */

import { Optional } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import type { FieldError, JsonObject, JsonValue, ValidationRule } from '../../types.ts';
import { childPath, correlatedItem, isObject } from '../json.ts';
import { sameAs } from '../openapi-rules.ts';
import { alignOld } from './align.ts';
import { CostLimitError, OBJECT_LIMIT } from './cost.ts';
import type { CompiledRule } from './rule-compiler.ts';
import type { RuleNode } from './rule-tree.ts';

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
  return new Run().visit(root, subject(root, object, '', old, false));
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

/** The rules of one object: when they have cost too much, no more are run. */
class Run {
  #budget = OBJECT_LIMIT;

  visit(node: RuleNode, at: Subject): FieldError[] {
    // kube runs no rules on null.
    if (at.value === null || this.#budget < 0) return [];
    return [...this.#rules(node, at), ...this.#items(node, at), ...this.#keys(node, at)];
  }

  #items(node: RuleNode, at: Subject): FieldError[] {
    const { items } = node;
    if (items === undefined || !Array.isArray(at.value)) return [];
    return at.value.flatMap((item, index) => {
      const old = correlatedItem(node.schema, item, at.old);
      return this.visit(items, subject(items, item, `${at.path}[${index}]`, old, at.unchanged));
    });
  }

  #keys(node: RuleNode, at: Subject): FieldError[] {
    const { value, old } = at;
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([key, item]) => {
      const property = node.properties.get(key);
      const child = property ?? node.additional;
      if (child === undefined || item === undefined) return [];
      const path = property === undefined ? `${at.path}[${key}]` : childPath(at.path, key);
      return this.visit(
        child,
        subject(child, item, path, isObject(old) ? own(old, key) : undefined, at.unchanged),
      );
    });
  }

  #rules(node: RuleNode, at: Subject): FieldError[] {
    const { type } = node;
    if (type === undefined || node.rules.length === 0) return [];
    if (this.#budget <= 0) return [this.#exhausted(node, at)];
    const self = type.toCel(at.value);
    const known = at.old !== undefined && at.old !== null;
    const old = known ? type.toCel(alignOld(node.schema, at.value, at.old)) : undefined;
    return node.rules.flatMap((rule) => {
      if (this.#budget < 0) return [];
      const optional = rule.rule.optionalOldSelf === true;
      if (rule.usesOldSelf && old === undefined && !optional) return [];
      const wrapped = old === undefined ? Optional.none() : Optional.of(old);
      const variables = { self, oldSelf: optional ? wrapped : old };
      return this.#rule(node, rule, variables, at);
    });
  }

  #rule(node: RuleNode, rule: CompiledRule, variables: Record<string, unknown>, at: Subject): FieldError[] {
    const outcome = evaluate(() => rule.program.run(variables));
    this.#budget -= rule.program.cost();
    if (this.#budget < 0) return [this.#exhausted(node, at)];
    if (outcome.error !== undefined) {
      const tooMuch = outcome.error instanceof CostLimitError;
      if (tooMuch) this.#budget = -1;
      const detail = tooMuch
        ? `'${outcome.error.message}': ${overLimit('rule', nameOf(rule.rule))}`
        : runtimeDetail(outcome.error, rule.rule);
      return [failure(node, at, detail)];
    }
    if (outcome.value === true) return [];
    if (at.unchanged && !rule.usesOldSelf) return [];
    const detail = this.#messageOf(rule, variables);
    if (typeof detail !== 'string') return [failure(node, at, detail.problem)];
    const compound = node.schema.type === 'object' || node.schema.type === 'array';
    const value = compound ? {} : { value: at.value };
    return [errorFor(rule.rule, fieldOf(`${at.path}${rule.fieldPath}`.replace(/^\./, '')), value, detail)];
  }

  #exhausted(node: RuleNode, at: Subject): FieldError {
    this.#budget = -1;
    return failure(node, at, `validation failed due to ${OVER_BUDGET}`);
  }

  /** The rule's message: from its message expression, or the fixed message if that fails or gives no usable text. */
  #messageOf(
    { rule, message }: CompiledRule,
    variables: Record<string, unknown>,
  ): string | { problem: string } {
    const fallback =
      rule.message === undefined || rule.message === '' ? `failed rule: ${nameOf(rule)}` : nameOf(rule);
    if (message === undefined) return fallback;
    const { value, error } = evaluate(() => message.run(variables));
    this.#budget -= message.cost();
    if (this.#budget < 0) return { problem: `messageExpression evaluation failed due to ${OVER_BUDGET}` };
    if (error instanceof CostLimitError) {
      this.#budget = -1;
      return { problem: overLimit('messageExpression', JSON.stringify(rule.messageExpression)) };
    }
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE ? fallback : text;
  }
}

const OVER_BUDGET = 'running out of cost budget, no further validation rules will be run';

function overLimit(what: string, source: string): string {
  return `no further validation rules will be run due to call cost exceeds limit for ${what}: ${source}`;
}

/** The error of a rule that could not be run to its end. */
function failure(node: RuleNode, at: Subject, detail: string): FieldError {
  return { type: 'Invalid', field: fieldOf(at.path), value: node.schema.type ?? '', detail };
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
