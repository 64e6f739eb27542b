/** What the rules of a definition may cost at most, by kube-apiserver's limits and in its words. */

import type { FieldError } from '../../../types.ts';
import { sum } from './numbers.ts';

/** Of one expression, for all values of an object that it looks at. */
const EXPRESSION_LIMIT = 10_000_000n;
/** Of all expressions of a schema. */
const SCHEMA_LIMIT = 100_000_000n;
/** So many expressions are named when all together cost too much, if each has at least a hundredth of the limit. */
const NAMED = 4;

interface Cost {
  readonly field: string;
  readonly cost: bigint;
}

/** Adds up what the expressions of one schema cost. */
export class CostBudget {
  readonly #isUnchanged: boolean;
  #total = 0n;
  #expensive: readonly Cost[] = [];

  /** `isUnchanged`: the schema was served before; then single expressions may cost what they did. */
  constructor(isUnchanged: boolean) {
    this.#isUnchanged = isUnchanged;
  }

  /** Adds an expression, and tells if it costs too much. `what` names it in the message. */
  add(field: string, what: string, cost: bigint): FieldError[] {
    this.#total = sum(this.#total, cost);
    if (cost >= SCHEMA_LIMIT / 100n) {
      const all = [...this.#expensive, { field, cost }];
      this.#expensive = all
        .toSorted((a, b) => (a.cost < b.cost ? 1 : a.cost > b.cost ? -1 : 0))
        .slice(0, NAMED);
    }
    if (this.#isUnchanged || cost <= EXPRESSION_LIMIT) return [];
    return [{ type: 'Forbidden', field, detail: tooMuch(`estimated ${what} cost`, cost, EXPRESSION_LIMIT) }];
  }

  /** What is wrong with all together. `path` is the schema's. */
  errors(path: string): FieldError[] {
    if (this.#total <= SCHEMA_LIMIT) return [];
    const share = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const whole = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...this.#expensive.map(({ field }): FieldError => ({ type: 'Forbidden', field, detail: share })),
      { type: 'Forbidden', field: path, detail: tooMuch(whole, this.#total, SCHEMA_LIMIT) },
    ];
  }
}

function tooMuch(what: string, cost: bigint, limit: bigint): string {
  const factor = factorText(Number(cost) / Number(limit));
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

function factorText(factor: number): string {
  if (factor > 100) return 'more than 100x';
  return `${rounded(factor, factor < 1.5 ? 6 : 1)}x`;
}

/** Rounded as in Go, where a half goes to the even digit. */
function rounded(value: number, digits: number): string {
  const exact = value.toFixed(60);
  const end = exact.indexOf('.') + digits + 1;
  const isHalf = /^50*$/.test(exact.slice(end));
  return isHalf && /[02468]$/.test(exact.slice(0, end)) ? exact.slice(0, end) : value.toFixed(digits);
}
