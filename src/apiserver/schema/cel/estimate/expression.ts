/** A rule as cel-go sees it when it estimates: its macros are loops, and every operator is a function. */

import type { ASTNode } from '@marcbachmann/cel-js';
import { MATCHES } from '../strings.ts';
import { FUNCTIONS } from './functions.ts';
import { BOOL, BYTES, DOUBLE, INT, NULL, STRING, TYPE_NAMES, type Type, UINT } from './types.ts';

export interface Literal {
  readonly kind: 'literal';
  readonly type: Type;
  readonly value: unknown;
}

interface Identifier {
  readonly kind: 'identifier';
  readonly name: string;
}

interface Selection {
  readonly kind: 'selection';
  readonly of: Expression;
  readonly field: string;
  /** Of `has`. */
  readonly isTest: boolean;
}

export interface Call {
  readonly kind: 'call';
  readonly name: string;
  readonly receiver?: Expression;
  readonly args: readonly Expression[];
}

interface List {
  readonly kind: 'list';
  readonly items: readonly Expression[];
}

interface MapLiteral {
  readonly kind: 'map';
  readonly entries: readonly (readonly [key: Expression, value: Expression])[];
}

export interface Loop {
  readonly kind: 'loop';
  readonly over: Expression;
  readonly variable: string;
  readonly start: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

export type Expression = Literal | Identifier | Selection | Call | List | MapLiteral | Loop;

/** The variable in which a loop gathers its result. */
export const ACCUMULATOR = '@result';

/** Converts what the library has parsed. */
export function expressionOf(node: ASTNode): Expression {
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id':
      return { kind: 'identifier', name: node.args };
    case '.':
      return selection(node);
    case '.?':
      return call('.?', [expressionOf(node.args[0]), literal(node.args[1])]);
    case 'call':
      return callOf(node.args[0], node.args[1]);
    case 'rcall':
      return memberCall(node.args);
    case 'list':
      return { kind: 'list', items: node.args.map(expressionOf) };
    case 'map':
      return {
        kind: 'map',
        entries: node.args.map(([key, value]) => [expressionOf(key), expressionOf(value)]),
      };
    case '!_':
    case '-_':
      return unary(node);
    default:
      return call(node.op, node.args.map(expressionOf));
  }
}

function literal(value: unknown): Literal {
  return { kind: 'literal', type: typeOfLiteral(value), value };
}

function typeOfLiteral(value: unknown): Type {
  if (value === null) return NULL;
  if (value instanceof Uint8Array) return BYTES;
  switch (typeof value) {
    case 'string':
      return STRING;
    case 'boolean':
      return BOOL;
    case 'bigint':
      return INT;
    case 'number':
      return DOUBLE;
    default:
      return UINT;
  }
}

function call(name: string, args: readonly Expression[]): Call {
  return { kind: 'call', name, args };
}

type NodeOf<Op extends ASTNode['op']> = Extract<ASTNode, { op: Op }>;

function selection(node: NodeOf<'.'>): Expression {
  const name = qualifiedName(node);
  if (name !== undefined && TYPE_NAMES.has(name)) return { kind: 'identifier', name };
  return { kind: 'selection', of: expressionOf(node.args[0]), field: node.args[1], isTest: false };
}

function qualifiedName(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args;
  if (node.op !== '.') return undefined;
  const before = qualifiedName(node.args[0]);
  return before === undefined ? undefined : `${before}.${node.args[1]}`;
}

/** As cel-go parses it: a minus sign before a number is part of the literal, and `!!x` and `--x` are `x`. */
function unary(node: NodeOf<'!_' | '-_'>): Expression {
  const inner = node.args;
  const isDirect = node.input.slice(node.start + 1, inner.start).trim() === '';
  if (isDirect && inner.op === node.op) return expressionOf(inner.args);
  const operand = expressionOf(inner);
  const isNumber = operand.kind === 'literal' && (operand.type === INT || operand.type === DOUBLE);
  if (!isDirect || !isNumber || node.op === '!_') return call(node.op, [operand]);
  return literal(-(operand.value as number));
}

function callOf(name: string, args: readonly ASTNode[]): Expression {
  const [tested] = args;
  if (name === 'has' && tested?.op === '.') {
    return { kind: 'selection', of: expressionOf(tested.args[0]), field: tested.args[1], isTest: true };
  }
  return call(name, args.map(expressionOf));
}

function memberCall([written, receiver, args]: NodeOf<'rcall'>['args']): Expression {
  const name = written === MATCHES ? 'matches' : written;
  const loop = loopOf(name, receiver, args);
  if (loop !== undefined) return loop;
  const qualified = `${qualifiedName(receiver)}.${name}`;
  if (FUNCTIONS.has(qualified)) return call(qualified, args.map(expressionOf));
  return { kind: 'call', name, receiver: expressionOf(receiver), args: args.map(expressionOf) };
}

/** The loop that a macro stands for. */
function loopOf(name: string, receiver: ASTNode, args: readonly ASTNode[]): Loop | undefined {
  const [variable, first, second] = args;
  if (variable?.op !== 'id' || first === undefined) return undefined;
  const body = second === undefined ? bodyOf(name, variable, first) : filteredBody(name, first, second);
  return body && { kind: 'loop', over: expressionOf(receiver), variable: variable.args, ...body };
}

type Body = Pick<Loop, 'start' | 'condition' | 'step' | 'result'>;

function bodyOf(name: string, variable: ASTNode, inner: ASTNode): Body | undefined {
  switch (name) {
    case 'all':
      return quantifier(
        true,
        call('@not_strictly_false', [result()]),
        call('&&', [result(), expressionOf(inner)]),
      );
    case 'exists': {
      const condition = call('@not_strictly_false', [call('!_', [result()])]);
      return quantifier(false, condition, call('||', [result(), expressionOf(inner)]));
    }
    case 'exists_one':
      return {
        ...quantifier(
          0n,
          literal(true),
          call('?:', [expressionOf(inner), call('+', [result(), literal(1n)]), result()]),
        ),
        result: call('==', [result(), literal(1n)]),
      };
    case 'filter':
      return gathering(expressionOf(variable), expressionOf(inner));
    case 'map':
      return gathering(expressionOf(inner));
    default:
      return undefined;
  }
}

function filteredBody(name: string, filter: ASTNode, inner: ASTNode): Body | undefined {
  return name === 'map' ? gathering(expressionOf(inner), expressionOf(filter)) : undefined;
}

function result(): Identifier {
  return { kind: 'identifier', name: ACCUMULATOR };
}

function quantifier(start: unknown, condition: Expression, step: Expression): Body {
  return { start: literal(start), condition, step, result: result() };
}

function gathering(item: Expression, filter?: Expression): Body {
  const added = call('+', [result(), { kind: 'list', items: [item] }]);
  const step = filter === undefined ? added : call('?:', [filter, added, result()]);
  return { start: { kind: 'list', items: [] }, condition: literal(true), step, result: result() };
}
