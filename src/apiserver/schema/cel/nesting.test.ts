import type { ASTNode } from '@marcbachmann/cel-js';
import { describe, expect, it } from 'vitest';
import { children } from './adapt.ts';
import { compileExpression } from './compile-rule.ts';
import { kubernetesEnvironment } from './environment.ts';

function problemOf(source: string): string | undefined {
  const environment = kubernetesEnvironment();
  environment.registerVariable('items', 'list<int>');
  environment.registerVariable('text', 'string');
  const compiled = compileExpression(environment, source, 'bool');
  return compiled.ok ? undefined : compiled.problem;
}

const TOO_DEEP =
  /^compilation failed: ERROR: <input>:-1:0: (max recursion depth exceeded|expression recursion limit exceeded: 250)$/;

describe('the nesting of expressions', () => {
  // The limits were seen on kube-apiserver 1.36.
  it.each([
    ['sums', (depth: number) => `${Array(depth).fill('1').join('+')} > 0`, 250],
    ['comparisons', (depth: number) => `true${' == true'.repeat(depth)}`, 250],
    ['parentheses', (depth: number) => `${'('.repeat(depth)}true${')'.repeat(depth)}`, 249],
  ])('has a limit: %s', (_, sourceOf, limit) => {
    expect(problemOf(sourceOf(limit))).toBeUndefined();
    expect(problemOf(sourceOf(limit + 1))).toMatch(TOO_DEEP);
  });

  it('does not count the logical operators, however many there are', () => {
    const source = (operator: string) => Array(6000).fill('true').join(operator);
    expect(problemOf(source('&&'))).toBeUndefined();
    expect(problemOf(source('||'))).toBeUndefined();
  });

  it.each(['&&', '||'])('makes chains of %s no deeper than a balanced tree', (operator) => {
    const compiled = compileExpression(
      kubernetesEnvironment(),
      Array(4096).fill('true').join(operator),
      'bool',
    );
    if (!compiled.ok) throw new Error(compiled.problem);
    const depthOf = (node: ASTNode): number => 1 + Math.max(0, ...children(node).map(depthOf));
    expect(depthOf(compiled.syntax)).toBe(13);
  });

  it.each(['!', '-', '! '])('refuses more signs in a row than the library bears: %s', (sign) => {
    const source = (count: number) => `${sign.repeat(count)}${sign === '-' ? '1 == 1' : 'true'}`;
    expect(problemOf(source(250))).toBeUndefined();
    for (const count of [251, 3000, 45_000]) expect(problemOf(source(count))).toMatch(TOO_DEEP);
  });

  it('keeps what chains of logical operators mean', () => {
    const environment = kubernetesEnvironment();
    environment.registerVariable('items', 'list<int>');
    const compiled = compileExpression(
      environment,
      'items == [] || items[0] > 1 && items[1] > 1 && items[2] > 1',
      'bool',
    );
    if (!compiled.ok) throw new Error(compiled.problem);
    expect(compiled.program.run({ items: [] })).toBe(true);
    expect(compiled.program.run({ items: [2n, 2n, 2n] })).toBe(true);
    expect(compiled.program.run({ items: [2n, 2n, 1n] })).toBe(false);
    expect(compiled.program.run({ items: [1n] })).toBe(false);
  });

  it('ends types that double with each map', () => {
    const source = (count: number) => `items${'.map(x, {x: x})'.repeat(count)}.size() > 0`;
    expect(problemOf(source(10))).toBeUndefined();
    expect(problemOf(source(40))).toContain('more than 10 maps');
  });

  it('refuses sources that are too long', () => {
    expect(problemOf(`'${'a'.repeat(100_000)}' == ''`)).toContain('limit 100000');
  });
});
