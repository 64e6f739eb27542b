/** The numbers that cel-go estimates with: unsigned integers of 64 bits that stay at the largest instead of overflowing. */

export const LARGEST = 2n ** 64n - 1n;

/** A size between two bounds: characters of a text, items of a list, entries of a map. */
export interface Size {
  readonly min: bigint;
  readonly max: bigint;
}

export const UNKNOWN_SIZE: Size = { min: 0n, max: LARGEST };

export function fixed(size: bigint): Size {
  return { min: size, max: size };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function bounded(value: bigint): bigint {
  return smaller(value, LARGEST);
}

export function sum(a: bigint, b: bigint): bigint {
  return bounded(a + b);
}

export function product(a: bigint, b: bigint): bigint {
  return bounded(a * b);
}

export function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The product, rounded up; computed in floating point, as in Go. */
export function scaled(value: bigint, factor: number): bigint {
  const up = Math.ceil(Number(value) * factor);
  return up >= 2 ** 64 ? LARGEST : BigInt(up);
}

/** What a division rounds up to; computed in floating point, as in Go. */
export function quotient(value: bigint, divisor: bigint): bigint {
  return bounded(BigInt(Math.ceil(Number(value) / Number(divisor))));
}

export function sizeSum(a: Size, b: Size): Size {
  return { min: sum(a.min, b.min), max: sum(a.max, b.max) };
}

export function sizeProduct(a: Size, b: Size): Size {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

/** The bounds of a value that has one of both sizes. */
export function either(a: Size, b: Size): Size {
  return { min: smaller(a.min, b.min), max: larger(a.max, b.max) };
}
