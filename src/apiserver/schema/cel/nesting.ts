/** How deep expressions are nested: not deeper than in kube-apiserver, so that no expression is too deep for the stack. */

import type { ASTNode } from '@marcbachmann/cel-js';
import { children } from './adapt.ts';

/** cel-go's limits. */
const MAX_DEPTH = 250;
const MAX_LENGTH = 100_000;
/** Our own: `!` and `-` in a row, which cel-go counts and the library nests. */
const MAX_SIGNS = 250;
/** Our own: the library's types of `x.map(y, {y: y}).map(y, {y: y})` double in size with each. */
const MAX_COMPUTED_KEYS = 10;

const FLAT: ReadonlySet<string> = new Set([
  'value',
  'id',
  'call',
  'list',
  'map',
  '?:',
  '||',
  '&&',
  '!_',
  '-_',
]);

/** What kube says of an expression that is too deep. */
export const TOO_DEEP = 'ERROR: <input>:-1:0: max recursion depth exceeded';

/** What kube says of too many parentheses and arguments; the library counts these. */
export const TOO_NESTED = `ERROR: <input>:-1:0: expression recursion limit exceeded: ${MAX_DEPTH}`;

/** What kube says of a source that is too long. */
export function tooLong(source: string): string | undefined {
  const size = [...source].length;
  if (size <= MAX_LENGTH) return undefined;
  return `ERROR: <input>:-1:0: expression code point size exceeds limit: size: ${size}, limit ${MAX_LENGTH}`;
}

/**
 * Makes chains of `&&` and `||` flat, as they may be of any length, and tells what kube says of an expression that is too deep
 * after that: operators, selections and methods count.
 */
export function flattened(root: ASTNode): string | undefined {
  const rest: [node: ASTNode, depth: number, signs: number][] = [[root, 0, 0]];
  // A chain is balanced once, from its top: to do it again from its middle would make it deep again.
  const balanced = new Set<ASTNode>();
  let maps = 0;
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [node, around, before] = next;
    const depth = FLAT.has(node.op) ? around : around + 1;
    const signs = node.op === '!_' || node.op === '-_' ? before + 1 : 0;
    if (depth > MAX_DEPTH || signs > MAX_SIGNS) return TOO_DEEP;
    if (node.op === 'map' && node.args.some(([key]) => key.op !== 'value')) maps += 1;
    if (maps > MAX_COMPUTED_KEYS) return `more than ${MAX_COMPUTED_KEYS} maps have keys that are computed`;
    if ((node.op === '&&' || node.op === '||') && !balanced.has(node)) {
      for (const link of balance(node)) balanced.add(link);
    }
    for (const child of children(node)) rest.push([child, depth, signs]);
  }
  return undefined;
}

type Chain = Extract<ASTNode, { op: '&&' | '||' }>;
type Changeable = { args: [ASTNode, ASTNode] };

/** `((a && b) && c) && d` becomes `(a && b) && (c && d)`, in the same nodes, which are returned. */
function balance(top: Chain): readonly Chain[] {
  const { op } = top;
  const links: Chain[] = [];
  const operands: ASTNode[] = [];
  let node: ASTNode = top;
  while (node.op === op) {
    links.push(node as Chain);
    operands.push((node as Chain).args[1]);
    node = (node as Chain).args[0];
  }
  operands.push(node);
  operands.reverse();
  const free = [...links];
  const join = (from: number, to: number): ASTNode => {
    const only = operands[from];
    if (to - from === 1 && only !== undefined) return only;
    const link = free.shift() ?? top;
    const middle = Math.ceil((from + to) / 2);
    (link as Changeable).args = [join(from, middle), join(middle, to)];
    return link;
  };
  join(0, operands.length);
  return links;
}
