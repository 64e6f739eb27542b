/** What running an expression costs, in cel-go's units, so that an expression on a large value ends as it does in kube-apiserver. */

import type { ParseResult } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import { MATCHES } from './strings.ts';

/** kube's limits, about a tenth of a second for an expression and a second for an object. */
export const EXPRESSION_LIMIT = 1_000_000;
export const OBJECT_LIMIT = 10_000_000;

/** An expression has cost more than it may. */
export class CostLimitError extends Error {}

/** The library's nodes, as they are once the expression is type-checked. */
interface Node {
  readonly op: string;
  args: unknown;
  evaluate: (evaluator: unknown, node: Node, context: unknown) => unknown;
  handle?: (...args: unknown[]) => unknown;
  readonly meta: {
    readonly alternate?: Node;
    readonly macro?: Node & Readonly<Record<string, unknown>>;
    readonly evaluate: Node['evaluate'];
  };
}

/** Counts what one expression costs; `run` starts again from nothing. */
export class CostMeter {
  #cost = 0;

  /** Of the last run, at most a little more than the limit. */
  get cost(): number {
    return this.#cost;
  }

  /** Runs the expression. Throws a CostLimitError, also where an operator of the expression would hide it. */
  run(expression: () => unknown): unknown {
    this.#cost = 0;
    try {
      return expression();
    } finally {
      // `||` and quantifiers go on after errors.
      this.charge(0);
    }
  }

  /** Adds to the cost. Throws a CostLimitError beyond the limit. */
  charge(cost: number): void {
    this.#cost += cost;
    if (this.#cost > EXPRESSION_LIMIT) throw EXCEEDED;
  }
}

// One for all: it is thrown once for each item that is left of a list.
const EXCEEDED = new CostLimitError('operation cancelled: actual cost limit exceeded');

/** Lets the meter count what evaluating this type-checked expression costs. */
export function metered(expression: ParseResult, meter: CostMeter): void {
  meterNode(expression.ast as unknown as Node, meter, new Set());
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'evaluate' in value;
}

function meterNode(value: unknown, meter: CostMeter, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value)) {
    for (const item of value) meterNode(item, meter, seen);
    return;
  }
  if (!isNode(value)) return;
  const { meta } = value;
  meterNode(value.args, meter, seen);
  meterNode(meta.alternate, meter, seen);
  if (meta.macro !== undefined) {
    const { args, val, exp, macroHasProps } = meta.macro;
    meterNode([args, val, exp, macroHasProps], meter, seen);
  }
  if (value.op === 'comprehension') meterLoop(value, meter, seen);
  meterCall(value, meter);
  meterEvaluation(value, meter);
}

interface Loop {
  readonly iterable: Node;
  readonly init: Node;
  readonly step: Node;
  readonly kind?: 'quantifier';
  /** Of `exists_one`, which goes through the whole list. */
  readonly errorsAreFatal?: boolean;
}

/** Each round of `all` and `exists` looks at the result so far; `exists` negates it. */
const ROUND_OF_ALL = 3;
const ROUND_OF_EXISTS = 4;

function meterLoop(node: Node, meter: CostMeter, seen: Set<unknown>): void {
  const { iterable, init, step, kind, errorsAreFatal } = node.args as Loop;
  meterNode([iterable, init, step], meter, seen);
  if (kind !== 'quantifier' || errorsAreFatal === true) return;
  const round = init.args === true ? ROUND_OF_ALL : ROUND_OF_EXISTS;
  const { evaluate } = step;
  step.evaluate = (evaluator, self, context) => {
    meter.charge(round);
    return evaluate.call(step, evaluator, self, context);
  };
}

const COSTS: Readonly<Record<string, number>> = {
  id: 1,
  '.': 1,
  '.?': 1,
  '[]': 1,
  '[?]': 1,
  '!_': 1,
  '-_': 1,
  list: 10,
  map: 30,
  accuInc: 2,
  accuPush: 12,
  comprehension: 1,
};

function meterEvaluation(node: Node, meter: CostMeter): void {
  const { alternate, macro } = node.meta;
  // What the node becomes on its first evaluation.
  const inner: Node['evaluate'] = (evaluator, self, context) => {
    const target = alternate ?? macro;
    if (target !== undefined) return target.evaluate(evaluator, target, context);
    return node.meta.evaluate.call(node, evaluator, self, context);
  };
  // cel-go counts `a[b]` as one step, with the `b`.
  const isOneStep = node.op === '[]' && (node.args as Node[])[1]?.op === 'id';
  // `has`, `or` and `orValue` cost nothing beside what they are given.
  const isOwn = alternate === undefined && macro === undefined && !isOneStep;
  const cost = isOwn ? (own(COSTS, node.op) ?? 0) : 0;
  node.evaluate = (evaluator, self, context) => {
    meter.charge(cost);
    return inner(evaluator, self, context);
  };
}

/** Operators and functions cost by the size of what they are given. */
function meterCall(node: Node, meter: CostMeter): void {
  const { handle, op } = node;
  if (handle === undefined) return;
  if (op === 'call' || op === 'rcall') {
    const [name] = node.args as [string];
    node.handle = (values, ...rest) => {
      meter.charge(callCost(name, values as unknown[]));
      const result = handle.call(node, values, ...rest);
      meter.charge(resultCost(name, result));
      return result;
    };
  } else if (BINARY.has(op)) {
    node.handle = (left, right, ...rest) => {
      meter.charge(operatorCost(op, left, right));
      return handle.call(node, left, right, ...rest);
    };
  }
}

const BINARY: ReadonlySet<string> = new Set([
  '==',
  '!=',
  'in',
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '<=',
  '>',
  '>=',
]);

/** The cost of going through so many characters. */
function traversal(size: number): number {
  return Math.ceil(size * 0.1);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  return 1;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function operatorCost(op: string, left: unknown, right: unknown): number {
  if (op === 'in') return Array.isArray(right) ? sizeOf(right) : 1;
  if (op === '+') return isText(left) ? traversal(sizeOf(left) + sizeOf(right)) : 1;
  const compares = op === '==' || op === '!=' || (isText(left) && /[<>]/.test(op));
  return compares ? traversal(Math.min(sizeOf(left), sizeOf(right))) : 1;
}

/** `values`: the receiver, if there is one, and the arguments. */
function callCost(name: string, values: readonly unknown[]): number {
  const [first, second, third] = values;
  const size = sizeOf(first);
  switch (name) {
    case 'startsWith':
    case 'endsWith':
    case 'bytes':
    case 'string':
    case 'format':
    case 'url':
    case 'isURL':
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
    case 'ip':
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
      return traversal(size);
    case 'replace':
    case 'split':
      return 2 * traversal(size);
    case 'contains':
      // `sets.contains` has its namespace before its arguments.
      return third === undefined
        ? Math.max(1, traversal(size) * traversal(sizeOf(second)))
        : product(second, third);
    case MATCHES:
    case 'matches':
    case 'find':
    case 'findAll':
      return traversal(1 + size) * Math.ceil(sizeOf(second) * 0.25);
    case 'validate':
      return traversal(1 + sizeOf(second)) * 32;
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return wholeTraversal(first);
    case 'intersects':
    case 'equivalent':
      return product(second, third);
    case 'distinct':
    case 'sort':
      return 1 + 2 * product(first, first);
    case 'range':
      return 1 + (typeof second === 'bigint' ? Math.min(Number(second), EXPRESSION_LIMIT) : 0);
    default:
      return 1;
  }
}

function product(a: unknown, b: unknown): number {
  return 1 + sizeOf(a) * sizeOf(b);
}

function wholeTraversal(value: unknown): number {
  if (isText(value)) return traversal(sizeOf(value));
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + wholeTraversal(item), 0);
  if (!(value instanceof Map)) return 1;
  return [...value].reduce((sum, [key, item]) => sum + wholeTraversal(key) + wholeTraversal(item), 0);
}

/** Results that kube does not count may be many times as large as what they are made of. */
const LARGE = 100_000;

function resultCost(name: string, result: unknown): number {
  const size = sizeOf(result);
  if (name === 'join') return 2 * traversal(size);
  if (name === 'slice' || name === 'reverse' || name === 'flatten') return size;
  return isText(result) && size > LARGE ? traversal(size) : 0;
}
