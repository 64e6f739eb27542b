/**
 * JSONPath as Kubernetes supports it in printer columns: fields, quoted fields, indexes and slices, wildcards,
 * recursive descent, and filters that compare one field with a literal.
 */

import { isSameJson } from '../../base/equality.ts';
import { own } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { isObject } from './json.ts';

/** One step: maps a value to the values it selects. */
type Step = (value: JsonValue) => readonly JsonValue[];

/**
 * The value at the path: undefined if there is none, an array if a wildcard or filter matched several. Throws a
 * SyntaxError for a path that kube does not accept either.
 */
export function evaluateJsonPath(object: JsonObject, path: string): JsonValue | undefined {
  const found = findAll(object, parseSteps(path));
  return found.length > 1 ? [...found] : found[0];
}

function findAll(start: JsonValue, steps: readonly Step[]): readonly JsonValue[] {
  return steps.reduce<readonly JsonValue[]>(
    (values, step) => values.flatMap((value) => [...step(value)]),
    [start],
  );
}

/** Braces and a leading `$` or `@` are optional, as in kubectl. */
function parseSteps(path: string): readonly Step[] {
  let rest = path
    .trim()
    .replace(/^\{([\s\S]*)\}$/, '$1')
    .trim()
    .replace(/^[$@]/, '');
  if (rest !== '' && !/^[.[]/.test(rest)) rest = `.${rest}`;
  const steps: Step[] = [];
  while (rest !== '') {
    const { step, length } = nextStep(rest, path);
    steps.push(step);
    rest = rest.slice(length);
  }
  return steps;
}

interface Parsed {
  readonly step: Step;
  readonly length: number;
}

const FIELD = /^\.((?:\\.|[^.[\]\\])+)/;
const DESCENT = /^\.\.((?:\\.|[^.[\]\\])*)/;

function nextStep(text: string, path: string): Parsed {
  const descent = DESCENT.exec(text);
  if (descent !== null) {
    const name = unescaped(descent[1] ?? '');
    const step: Step =
      name === '' || name === '*' ? descendants : (value) => descendants(value).flatMap(field(name));
    return { step, length: descent[0].length };
  }
  const match = FIELD.exec(text);
  if (match !== null) {
    const name = match[1] ?? '';
    return { step: name === '*' ? children : field(unescaped(name)), length: match[0].length };
  }
  if (text.startsWith('[')) {
    const end = closingBracket(text);
    if (end > 0) return { step: bracketStep(text.slice(1, end).trim(), path), length: end + 1 };
  }
  if (text === '.') return { step: (value) => [value], length: 1 };
  throw new SyntaxError(`unrecognized JSONPath ${JSON.stringify(path)}`);
}

function unescaped(name: string): string {
  return name.replace(/\\(.)/g, '$1');
}

/** Position of the bracket that closes the first one; brackets in quotes and filters are skipped. */
function closingBracket(text: string): number {
  let depth = 0;
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text.charAt(index);
    if (quote !== '') {
      if (char === '\\') index += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '[') depth += 1;
    else if (char === ']') {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return -1;
}

const QUOTED = /^(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")$/;
const SLICE = /^(-?\d*)?:(-?\d*)?(?::(-?\d+))?$/;

function bracketStep(inside: string, path: string): Step {
  const quoted = QUOTED.exec(inside);
  if (quoted !== null) return field(unescaped(quoted[1] ?? quoted[2] ?? ''));
  if (inside === '*') return children;
  const filter = /^\?\(([\s\S]*)\)$/.exec(inside);
  if (filter !== null) return filterStep((filter[1] ?? '').trim());
  const slice = SLICE.exec(inside);
  if (slice !== null) return sliceStep(slice);
  if (/^-?\d+(,\s*-?\d+)*$/.test(inside)) return indexStep(inside.split(',').map(Number));
  throw new SyntaxError(`invalid array index ${JSON.stringify(inside)} in JSONPath ${JSON.stringify(path)}`);
}

function field(name: string): Step {
  return (value) => {
    const item = isObject(value) ? own(value, name) : undefined;
    return item === undefined ? [] : [item];
  };
}

function children(value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value).filter((item) => item !== undefined) : [];
}

function descendants(value: JsonValue): readonly JsonValue[] {
  return [value, ...children(value).flatMap((child) => [...descendants(child)])];
}

function indexStep(indexes: readonly number[]): Step {
  return (value) =>
    indexes.flatMap((index) => {
      const item = Array.isArray(value) ? value.at(index) : undefined;
      return item === undefined ? [] : [item];
    });
}

function sliceStep([, start, end, step]: RegExpExecArray): Step {
  const from = start === undefined || start === '' ? 0 : Number(start);
  const to = end === undefined || end === '' ? undefined : Number(end);
  const stride = Math.max(1, Number(step ?? 1));
  return (value) =>
    Array.isArray(value) ? value.slice(from, to).filter((_, index) => index % stride === 0) : [];
}

const COMPARISON = /^(@[^=!<>]*?)\s*(==|!=|<=|>=|<|>)\s*([\s\S]+)$/;

/** `@.type=="Ready"`, or `@.type` alone for items that have the field. */
function filterStep(expression: string): Step {
  const match = COMPARISON.exec(expression);
  const steps = parseSteps((match?.[1] ?? expression).trim());
  const [, , operator = '', right = ''] = match ?? [];
  const keeps = (item: JsonValue): boolean => {
    const [left] = findAll(item, steps);
    if (left === undefined) return false;
    return match === null || compare(left, operator, operand(right.trim(), item));
  };
  return (value) => children(value).filter(keeps);
}

function operand(text: string, item: JsonValue): JsonValue | undefined {
  const quoted = QUOTED.exec(text);
  if (quoted !== null) return unescaped(quoted[1] ?? quoted[2] ?? '');
  if (text === 'true' || text === 'false') return text === 'true';
  if (text.startsWith('@')) return findAll(item, parseSteps(text))[0];
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function compare(left: JsonValue, operator: string, right: JsonValue | undefined): boolean {
  if (operator === '==') return isSameJson(left, right);
  if (operator === '!=') return !isSameJson(left, right);
  const numbers = typeof left === 'number' && typeof right === 'number';
  if (!numbers && !(typeof left === 'string' && typeof right === 'string')) return false;
  switch (operator) {
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    default:
      return left >= right;
  }
}
