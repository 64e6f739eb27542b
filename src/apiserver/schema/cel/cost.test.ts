import { describe, expect, it } from 'vitest';
import { compileExpression } from './compile-rule.ts';
import { CostLimitError, EXPRESSION_LIMIT } from './cost.ts';
import { kubernetesEnvironment } from './environment.ts';

function programOf(source: string) {
  const environment = kubernetesEnvironment();
  environment.registerVariable('items', 'list<int>');
  environment.registerVariable('text', 'string');
  const compiled = compileExpression(environment, source, 'bool');
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.program;
}

function variables(count: number) {
  return { items: Array.from({ length: count }, (_, at) => BigInt(at)), text: 'ab'.repeat(count) };
}

describe('the cost of an expression', () => {
  it.each([
    ['text == text', 1 + 1 + 2],
    ['items.size() == 10', 3],
    ['5 in items', 1 + 10],
    ['items.all(x, x >= 0)', 1 + 10 * 5 + 1],
    ['text.matches("^(ab)*$")', 1 + 3 * 2],
    ['[1, 2].size() == 2', 12],
  ])('%s', (source, cost) => {
    const program = programOf(source);
    expect(program.run(variables(10))).toBe(true);
    expect(program.cost()).toBe(cost);
    program.run(variables(10));
    expect(program.cost()).toBe(cost);
  });

  it.each([
    'items.all(x, items.all(y, items.all(z, x >= 0)))',
    'items.all(x, items.all(y, x + y >= 0)) || true',
    'items.map(x, items.map(y, x + y)).size() > 0',
    'lists.range(1000000000).size() > 0',
    'items.distinct().size() > 0',
    `text${".replace('a', 'aaaaaaaaaaaaaaaa')".repeat(9)}.size() > 0`,
  ])('ends %s', (source) => {
    const program = programOf(source);
    expect(() => program.run(variables(3000))).toThrow(CostLimitError);
    expect(program.cost()).toBeGreaterThan(EXPRESSION_LIMIT);
  });
});
