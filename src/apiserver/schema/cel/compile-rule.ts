/** One CEL expression, parsed and type-checked, with errors worded as kube-apiserver words them. */

import type {
  ASTNode,
  TypeError as CelTypeError,
  Environment,
  ParseError,
  ParseResult,
} from '@marcbachmann/cel-js';
import { goRegExp } from '../go-regexp.ts';
import { adapt } from './adapt.ts';
import { CostMeter, metered } from './cost.ts';
import { flattened, TOO_DEEP, TOO_NESTED, tooLong } from './nesting.ts';
import { MATCHES } from './strings.ts';

/** An expression ready to run, and what the last run cost. */
export interface Program {
  /** Throws what fails in the expression, or a CostLimitError. */
  run(variables: Record<string, unknown>): unknown;
  cost(): number;
}

/** A compiled expression, or why it does not compile. */
export type Compiled =
  | { readonly ok: true; readonly program: Program; readonly syntax: ASTNode }
  | { readonly ok: false; readonly problem: string };

type CompileFault = ParseError | CelTypeError;

/** Compiles an expression of type `wanted`. `problem` says what is wrong, with the position in the source. */
export function compileExpression(
  environment: Environment,
  source: string,
  wanted: 'bool' | 'string',
): Compiled {
  const limit = tooLong(source);
  if (limit !== undefined) return failed(limit);
  const parsed = parse(environment, source);
  if (!parsed.ok) {
    return failed(parsed.fault === 'too deep' ? TOO_DEEP : describe(environment, parsed.fault, source));
  }
  const depth = flattened(parsed.result.ast);
  if (depth !== undefined) return failed(depth);
  adapt(parsed.result.ast);
  const checked = parsed.result.check();
  const fault = checked.error;
  if (fault !== undefined) return failed(isFault(fault) ? describe(environment, fault, source) : TOO_NESTED);
  if (checked.type !== wanted && checked.type !== 'dyn') {
    const problem =
      wanted === 'bool' ? 'cel expression must evaluate to a bool' : 'must evaluate to a string';
    return { ok: false, problem };
  }
  const meter = new CostMeter();
  metered(parsed.result, meter);
  const run: Program['run'] = (variables) => meter.run(() => parsed.result(variables));
  return { ok: true, program: { run, cost: () => meter.cost }, syntax: parsed.result.ast };
}

function failed(why: string): Compiled {
  return { ok: false, problem: `compilation failed: ${why}` };
}

type Parsed =
  | { readonly ok: true; readonly result: ParseResult }
  | { readonly ok: false; readonly fault: CompileFault | 'too deep' };

function parse(environment: Environment, source: string): Parsed {
  try {
    return { ok: true, result: environment.parse(source) };
  } catch (error) {
    if (isFault(error)) return { ok: false, fault: error };
    // The library's parser calls itself for each of many signs in a row, until the stack is used up.
    if (error instanceof RangeError) return { ok: false, fault: 'too deep' };
    throw error;
  }
}

function isFault(error: unknown): error is CompileFault {
  return error instanceof Error && ['ParseError', 'TypeError'].includes(error.name) && 'summary' in error;
}

/** As cel-go prints issues: place, message, the line, and a caret below the place. */
function describe(environment: Environment, fault: CompileFault, source: string): string {
  if (fault.code === 'limit_exceeded' && fault.summary.includes('maxDepth')) return TOO_NESTED;
  const position = Math.min(positionOf(fault, source), source.length);
  const before = source.slice(0, position).split('\n');
  const column = (before.at(-1) ?? '').length;
  const line = source.split('\n')[before.length - 1] ?? '';
  const place = `${before.length}:${column + 1}`;
  return `ERROR: <input>:${place}: ${messageOf(environment, fault)}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

/** cel-go points at the dot of a selection and at the bracket of a call. */
function positionOf(fault: CompileFault, source: string): number {
  const start = fault.range?.start ?? 0;
  if (fault.code === 'no_such_key' || isSelection(fault)) return Math.max(0, start - 1);
  const call =
    fault.code === 'no_matching_overload' ? source.indexOf(`${calledFunction(fault)}(`, start) : -1;
  return call < 0 ? start : call + calledFunction(fault).length;
}

/** Of a field, from a value that has none. */
function isSelection({ code, node }: CompileFault): boolean {
  return code === 'cannot_index_type' && node?.op === '.';
}

const CALLED = goRegExp("'(?:.*\\.)?(\\w+)\\(");
const CALL = goRegExp("'(?:(.+)\\.)?\\w+\\((.*)\\)'");

/** The function in `found no matching overload for 'string.foo(int)'`. */
function calledFunction({ summary }: CompileFault): string {
  const name = CALLED.exec(summary)?.[1] ?? '';
  return name === MATCHES ? 'matches' : name;
}

function messageOf(environment: Environment, fault: CompileFault): string {
  const { code, summary } = fault;
  const named = /: (\S+)$/.exec(summary)?.[1] ?? '';
  switch (code) {
    case 'no_such_key':
      return `undefined field '${named}'`;
    case 'cannot_index_type':
      return isSelection(fault)
        ? `type ${/'.+'/.exec(summary)?.[0]} does not support field selection`
        : summary;
    case 'unknown_variable':
      return `undeclared reference to '${named}' (in container '')`;
    case 'no_such_overload':
      return operatorMessage(summary);
    case 'no_matching_overload':
      return functionMessage(environment, fault);
    default:
      return fault.name === 'ParseError' ? `Syntax error: ${summary}` : summary;
  }
}

function operatorMessage(summary: string): string {
  const [, left, operator, right] = /^no such overload: (.+) (\S+) (.+)$/.exec(summary) ?? [];
  if (operator === undefined) return summary;
  return `found no matching overload for '_${operator}_' applied to '(${left}, ${right})'`;
}

function functionMessage(environment: Environment, fault: CompileFault): string {
  const name = calledFunction(fault);
  const known = environment.getDefinitions().functions.some((definition) => definition.name === name);
  if (!known) return `undeclared reference to '${name}' (in container '')`;
  const [, receiver, parameters] = CALL.exec(fault.summary) ?? [];
  const on = receiver === undefined ? '' : `${receiver}.`;
  return `found no matching overload for '${name}' applied to '${on}(${parameters ?? ''})'`;
}
