/** How much a rule may cost at most on values that fit their schema, as cel-go estimates it. */

import type { ASTNode } from '@marcbachmann/cel-js';
import { callCost, type Estimate, type Operands, through } from './call-cost.ts';
import { type Checked, check } from './check.ts';
import type { Declared } from './declared.ts';
import { ACCUMULATOR, type Call, type Expression, expressionOf, type Loop } from './expression.ts';
import type { CostRule, Overload } from './functions.ts';
import { either, fixed, LARGEST, larger, product, type Size, sizeSum, sum, UNKNOWN_SIZE } from './numbers.ts';
import { Path } from './paths.ts';
import { Sizes } from './sizes.ts';
import { optionalOf } from './types.ts';

/**
 * Estimates what a CEL expression costs at most, in cel-go's units.
 * @param self the type and the bounds of the value that the expression is about
 * @param isOldOptional whether `oldSelf` is of an optional type: the rule sets `optionalOldSelf`
 */
export function estimateCost(source: ASTNode, self: Declared, isOldOptional: boolean): bigint {
  const expression = expressionOf(source);
  const oldSelf = isOldOptional ? optionalOf(self.type) : self.type;
  const checked = check(
    expression,
    new Map([
      ['self', self.type],
      ['oldSelf', oldSelf],
    ]),
  );
  return new Estimator(checked, self).cost(expression);
}

const LIST_COST = 10n;
const MAP_COST = 30n;
/** Where `a[b]` goes in the schema. */
const STEPS: Partial<Record<CostRule, string>> = { index: '@items', value: '@values' };

/** Goes through an expression once, in cel-go's order. */
class Estimator {
  readonly #checked: Checked;
  readonly #sizes: Sizes;

  constructor(checked: Checked, root: Declared) {
    this.#checked = checked;
    this.#sizes = new Sizes(checked, root);
  }

  cost(expression: Expression): bigint {
    switch (expression.kind) {
      case 'literal':
        return 0n;
      case 'identifier': {
        const variable = this.#sizes.variable(expression.name);
        this.#sizes.setPath(expression, variable === undefined ? Path.of(expression.name) : variable.path);
        return 1n;
      }
      case 'selection':
        return this.#selection(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'loop':
        return this.#loop(expression);
    }
  }

  #selection(expression: Expression & { kind: 'selection' }): bigint {
    const { of, field, isTest } = expression;
    const cost = this.cost(of);
    if (isTest) return cost;
    this.#sizes.setPath(expression, Path.append(this.#sizes.pathOf(of), field));
    const { kind } = this.#checked.typeOf(of);
    return kind === 'map' || kind === 'struct' ? sum(cost, 1n) : cost;
  }

  #call(call: Call): bigint {
    const [first] = call.args;
    if (call.name === 'dyn' && first !== undefined) {
      const cost = sum(1n, this.cost(first));
      this.#sizes.setSize(call, this.#sizes.sizeOf(first));
      this.#sizes.setEntries(call, this.#sizes.entriesOf(first));
      return cost;
    }
    const costs: bigint[] = [];
    const args = call.args.map((arg) => {
      costs.push(this.cost(arg));
      return this.#sizes.operand(arg);
    });
    const overloads = this.#checked.overloadsOf(call);
    if (overloads.length === 0) return 0n;
    const { receiver } = call;
    const receiverCost = receiver === undefined ? 0n : this.cost(receiver);
    const target = receiver === undefined ? undefined : this.#sizes.operand(receiver);
    const operands: Operands = { receiver: target, args, itemsOf: (list) => this.#sizes.itemsOf(list) };
    return sum(receiverCost, this.#overloads(call, overloads, operands, costs));
  }

  /** Of several overloads that fit, the most expensive counts; the result may be as large as any makes it. */
  #overloads(
    call: Call,
    overloads: readonly Overload[],
    operands: Operands,
    costs: readonly bigint[],
  ): bigint {
    let cost = 0n;
    let size: Size | undefined;
    for (const { rule } of overloads) {
      const estimate = this.#estimate(call, rule, operands, costs);
      cost = larger(cost, estimate.cost);
      if (estimate.size !== undefined) size = either(estimate.size, size ?? estimate.size);
      const step = STEPS[rule];
      const [container] = call.args;
      if (step !== undefined && container !== undefined) {
        size = this.#sizes.entriesOf(container)?.values;
        this.#sizes.setPath(call, Path.append(this.#sizes.pathOf(container), step));
      }
      size ??= this.#sizes.sizeOf(call);
    }
    this.#sizes.setSize(call, size);
    return cost;
  }

  #estimate(call: Call, rule: CostRule, operands: Operands, costs: readonly bigint[]): Estimate {
    const [a = 0n, b = 0n, c = 0n] = costs;
    switch (rule) {
      case 'logical':
        return { cost: sum(a, b) };
      case 'conditional':
        return { cost: sum(a, larger(b, c)), size: this.#common(call, 1, 2, operands, either) };
      case 'addList':
        return { cost: sum(sum(a, b), 1n), size: this.#common(call, 0, 1, operands, sizeSum) };
      case 'addText': {
        const size = this.#common(call, 0, 1, operands, sizeSum);
        return { cost: sum(sum(a, b), through(size)), size };
      }
      default: {
        const { cost, size } = callCost(rule, operands);
        return { cost: costs.reduce(sum, cost), size };
      }
    }
  }

  /** The size of a result that is made of two arguments, whose entries it then has, too. */
  #common(call: Call, a: number, b: number, { args }: Operands, sizes: (a: Size, b: Size) => Size): Size {
    const [one, other] = [args[a], args[b]];
    if (one === undefined || other === undefined) return UNKNOWN_SIZE;
    const [ofOne, ofOther] = [this.#sizes.entriesOf(one.expression), this.#sizes.entriesOf(other.expression)];
    if (ofOne !== undefined && ofOther !== undefined) {
      const { kind } = ofOne;
      const keys = either(ofOne.keys, ofOther.keys);
      this.#sizes.setEntries(call, { kind, keys, values: either(ofOne.values, ofOther.values) });
    }
    return sizes(one.size, other.size);
  }

  #list(expression: Expression & { kind: 'list' }): bigint {
    const { items } = expression;
    const { cost, size } = this.#all(items);
    this.#sizes.setEntries(expression, { kind: 'list', keys: fixed(1n), values: size });
    return sum(cost, LIST_COST);
  }

  #map(expression: Expression & { kind: 'map' }): bigint {
    const keys = this.#all(expression.entries.map(([key]) => key));
    const values = this.#all(expression.entries.map(([, value]) => value));
    this.#sizes.setEntries(expression, { kind: 'map', keys: keys.size, values: values.size });
    return sum(sum(keys.cost, values.cost), MAP_COST);
  }

  #all(expressions: readonly Expression[]): { readonly cost: bigint; readonly size: Size } {
    let cost = 0n;
    let size: Size = { min: expressions.length === 0 ? 0n : LARGEST, max: 0n };
    for (const expression of expressions) {
      cost = sum(cost, this.cost(expression));
      size = either(size, this.#sizes.sizeOf(expression) ?? UNKNOWN_SIZE);
    }
    return { cost, size };
  }

  #loop(loop: Loop): bigint {
    const before = sum(this.cost(loop.over), this.cost(loop.start));
    const accumulator = {
      path: this.#sizes.pathOf(loop.start),
      size: this.#sizes.sizeOf(loop.start),
      entries: this.#sizes.entriesOf(loop.start),
    };
    this.#sizes.push(ACCUMULATOR, accumulator);
    this.#sizes.push(loop.variable, this.#sizes.itemOf(loop.over));
    const round = sum(this.cost(loop.condition), this.cost(loop.step));
    this.#sizes.pop(loop.variable);
    const after = this.cost(loop.result);
    this.#sizes.pop(ACCUMULATOR);
    const rounds = this.#sizes.sizeOf(loop.over) ?? UNKNOWN_SIZE;
    if (loop.start.kind === 'literal') this.#sizes.setSize(loop, this.#sizes.sizeOf(loop.start));
    else {
      this.#sizes.setSize(loop, rounds);
      this.#sizes.setEntries(loop, this.#sizes.entriesOf(loop.step));
    }
    return sum(sum(before, after), product(rounds.max, round));
  }
}
