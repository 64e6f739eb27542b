/** What the library does otherwise than cel-go, changed in the tree that it has parsed. */

import type { ASTNode } from '@marcbachmann/cel-js';
import { Optional } from '@marcbachmann/cel-js';
import { MATCHES } from './strings.ts';

type Selection = Extract<ASTNode, { op: '.' }>;

interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  createError(code: string, summary: string, at: object): Error;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
  debugType(value: unknown): FieldOwner;
}

interface FieldOwner {
  fieldLazy(of: unknown, field: string, node: ASTNode, evaluator: Evaluator): unknown;
}

/** Lets `matches` use Go's regular expressions, and `has` test fields of anything: `has(self.list[0].name)`. */
export function adapt(node: ASTNode): void {
  if (node.op === 'rcall' && node.args[0] === 'matches') node.args[0] = MATCHES;
  if (node.op === 'call' && node.args[0] === 'has') {
    const [tested, ...others] = node.args[1];
    if (tested?.op === '.' && others.length === 0) setMacro(node, presenceOf(tested, node));
  }
  for (const child of children(node)) adapt(child);
}

/** Whether an expression uses the variable. */
export function mentions(node: ASTNode, variable: string): boolean {
  return node.op === 'id'
    ? node.args === variable
    : children(node).some((child) => mentions(child, variable));
}

/** The expressions right below one. */
export function children({ args }: ASTNode): ASTNode[] {
  return nodesIn(args);
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  const isNode = typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
  return isNode ? [value as ASTNode] : [];
}

function setMacro(node: ASTNode, macro: object): void {
  (node as unknown as { setMeta(key: 'macro', value: object): void }).setMeta('macro', macro);
}

/** Unlike the library's own, it checks that the field is one that the type has. */
function presenceOf(tested: Selection, { input, start, end }: ASTNode): object {
  const [of, field] = tested.args;
  // cel-go points at the bracket of `has(`.
  const at = { input, start, end, pos: input.indexOf('(', start) + 1, op: tested.op };
  return {
    args: [of],
    typeCheck(checker: Checker, _: unknown, context: unknown) {
      checker.check(of, context);
      try {
        checker.check(tested, context);
      } catch (error) {
        if (error instanceof Error && 'code' in error && 'summary' in error)
          throw checker.createError(String(error.code), String(error.summary), at);
        throw error;
      }
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _: unknown, context: unknown) {
      const target = evaluator.run(of, context);
      const found = evaluator.debugType(target).fieldLazy(target, field, tested, evaluator);
      return found instanceof Optional ? found.hasValue() : found !== undefined;
    },
  };
}
