/** Kubernetes quantities (`500m`, `1.5Gi`) in CEL. */

import type { Environment } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import { goRegExp } from '../go-regexp.ts';

const NANO = 1_000_000_000n;
/** Digits may be missing, as for kube: `k` is none of thousands. */
const SYNTAX = /^([+-]?)(\d*(?:\.\d*)?)(Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+|[numkMGTPE]?)$/;
/** kube splits such a text into a number and a suffix, and only then looks at the suffix. */
const HAS_SUFFIX = goRegExp('^[+-]?\\d*(\\.\\d*)?[eEinumkKMGTP]*[+-]?\\d*$');
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

/** An exact number of billionths, which is as fine as kube's quantities are. */
class Quantity {
  readonly nano: bigint;

  constructor(nano: bigint) {
    this.nano = nano;
  }

  equals(other: unknown): boolean {
    return other instanceof Quantity && other.nano === this.nano;
  }
}

/** Parses a quantity; undefined if the text is not one. Fractions of a billionth are rounded up, as in kube. */
function parseQuantity(text: string): Quantity | undefined {
  const match = SYNTAX.exec(text);
  if (match === null || text === '') return undefined;
  const [, sign = '', number = '', suffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  let numerator = BigInt(`${whole}${fraction}`) * NANO;
  let denominator = 10n ** BigInt(fraction.length);
  const binary = BINARY.indexOf(suffix);
  if (binary >= 0) numerator *= 1024n ** BigInt(binary + 1);
  else {
    const exponent = own(DECIMAL, suffix) ?? Number(suffix.slice(1));
    if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
    else denominator *= 10n ** BigInt(-exponent);
  }
  const nano = (numerator + denominator - 1n) / denominator;
  return new Quantity(sign === '-' ? -nano : nano);
}

function quantity(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (parsed !== undefined) return parsed;
  throw new Error(
    text !== '' && HAS_SUFFIX.test(text)
      ? "unable to parse quantity's suffix"
      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function isInteger({ nano }: Quantity): boolean {
  const value = nano / NANO;
  return nano % NANO === 0n && value <= MAX_INT && value >= MIN_INT;
}

function asInteger(value: Quantity): bigint {
  if (!isInteger(value)) throw new Error('cannot convert value to integer');
  return value.nano / NANO;
}

function compare(a: Quantity, b: Quantity): bigint {
  if (a.nano === b.nano) return 0n;
  return a.nano < b.nano ? -1n : 1n;
}

/** Registers `quantity`, `isQuantity` and a quantity's methods. */
export function registerQuantity(environment: Environment): void {
  const Q = 'kubernetes.Quantity';
  environment
    .registerType(Q, { ctor: Quantity, fields: {} })
    .registerOperator(`${Q} == ${Q}`, (a: Quantity, b: Quantity) => a.equals(b))
    .registerFunction(`quantity(string): ${Q}`, quantity)
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(`${Q}.isInteger(): bool`, isInteger)
    .registerFunction(`${Q}.asInteger(): int`, asInteger)
    .registerFunction(`${Q}.asApproximateFloat(): double`, ({ nano }: Quantity) => Number(nano) / 1e9)
    .registerFunction(`sign(${Q}): int`, (value: Quantity) => compare(value, new Quantity(0n)))
    .registerFunction(`${Q}.add(${Q}): ${Q}`, (a: Quantity, b: Quantity) => new Quantity(a.nano + b.nano))
    .registerFunction(`${Q}.add(int): ${Q}`, (a: Quantity, b: bigint) => new Quantity(a.nano + b * NANO))
    .registerFunction(`${Q}.sub(${Q}): ${Q}`, (a: Quantity, b: Quantity) => new Quantity(a.nano - b.nano))
    .registerFunction(`${Q}.sub(int): ${Q}`, (a: Quantity, b: bigint) => new Quantity(a.nano - b * NANO))
    .registerFunction(`${Q}.isLessThan(${Q}): bool`, (a: Quantity, b: Quantity) => a.nano < b.nano)
    .registerFunction(`${Q}.isGreaterThan(${Q}): bool`, (a: Quantity, b: Quantity) => a.nano > b.nano)
    .registerFunction(`${Q}.compareTo(${Q}): int`, compare);
}
