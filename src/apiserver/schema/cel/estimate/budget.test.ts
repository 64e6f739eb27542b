import { describe, expect, it } from 'vitest';
import { CostBudget } from './budget.ts';

function detailOf(cost: bigint): string | undefined {
  const [error] = new CostBudget(false).add('at', 'rule', cost);
  return /^estimated rule cost exceeds budget by factor of (.*) \(try simplifying/.exec(
    error?.detail ?? '',
  )?.[1];
}

describe('a budget of costs', () => {
  it.each([
    [10_000_000n, undefined],
    [10_000_010n, '1.000001x'],
    // A half goes to the even digit.
    [10_078_125n, '1.007812x'],
    [10_234_375n, '1.023438x'],
    [22_500_000n, '2.2x'],
    [23_500_000n, '2.4x'],
    [1_000_000_000n, '100.0x'],
    [1_000_000_001n, 'more than 100x'],
  ])('%d: %s', (cost, factor) => {
    expect(detailOf(cost)).toBe(factor);
  });

  it('names the four dearest of rules that together cost too much', () => {
    const budget = new CostBudget(false);
    for (let n = 1; n <= 13; n += 1) expect(budget.add(`${n}`, 'rule', 9_000_000n + BigInt(n))).toEqual([]);
    expect(budget.errors('schema').map(({ field }) => field)).toEqual(['13', '12', '11', '10', 'schema']);
  });

  it('names none that costs less than a hundredth of the limit', () => {
    const budget = new CostBudget(false);
    for (let n = 0; n < 101; n += 1) budget.add(`${n}`, 'rule', 999_999n);
    expect(budget.errors('schema').map(({ field }) => field)).toEqual(['schema']);
    budget.add('dear', 'rule', 1_000_000n);
    expect(budget.errors('schema').map(({ field }) => field)).toEqual(['dear', 'schema']);
  });

  it('lets rules of a schema that is unchanged cost what they did', () => {
    const budget = new CostBudget(true);
    expect(budget.add('at', 'rule', 99_000_000n)).toEqual([]);
    expect(budget.errors('schema')).toEqual([]);
  });
});
