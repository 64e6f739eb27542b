/**
 * Kubernetes quantities ("500m", "1Gi", "2e3") as whole numbers, for placement. The arithmetic uses BigInt fractions, because 0.1
 * has no exact double, and rounding must not change a resource request. Grammar:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

/** The text is not a quantity, or is negative; the message quotes it. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const PATTERN = /^\+?(\d*)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;
const DECIMAL_EXPONENTS: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const BINARY_SUFFIXES: readonly string[] = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const KIBI = 1024;

/**
 * CPU in millicores: "500m" is 500, "2" and 2 are 2000. Fractions of a millicore are rounded up, as Kubernetes does, so that a
 * request never gets less than it asks. Amounts beyond the safe integers become the largest safe integer: no host has that much
 * either, and one absurd request must not stop the placement of others.
 * @throws QuantityError that quotes the text when it is not a quantity, or negative
 */
export function parseCpu(quantity: string | number): number {
  return wholeNumber(quantity, 1000n, 'CPU quantity');
}

/**
 * Memory or storage in bytes: "1Gi" is 1073741824. Fractions of a byte are rounded up, and amounts beyond the safe integers become
 * the largest safe integer, as with CPU.
 * @throws QuantityError that quotes the text when it is not a quantity, or negative
 */
export function parseBytes(quantity: string | number): number {
  return wholeNumber(quantity, 1n, 'byte quantity');
}

/** Millicores as the shortest exact quantity: 2000 is "2", 1500 is "1500m". */
export function formatCpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

/** Bytes as an exact quantity, with the largest binary suffix that divides them: 1610612736 is "1536Mi". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let suffix = '';
  for (const next of BINARY_SUFFIXES) {
    if (value === 0 || value % KIBI !== 0) break;
    value /= KIBI;
    suffix = next;
  }
  return `${value}${suffix}`;
}

/**
 * Bytes for people, rounded *down* to one decimal ("11.4Gi"), so that free memory never looks like more than it is. Negative
 * amounts are shown as "0".
 */
export function describeBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let suffix = '';
  for (const next of BINARY_SUFFIXES) {
    if (value < KIBI) break;
    value /= KIBI;
    suffix = next;
  }
  return `${Math.floor(value * 10) / 10}${suffix}`;
}

function wholeNumber(quantity: string | number, scale: bigint, what: string): number {
  const text = String(quantity).trim();
  const fraction = parseFraction(text, what);
  const scaled = fraction.numerator * scale;
  const value = (scaled + fraction.denominator - 1n) / fraction.denominator;
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > largest ? largest : value);
}

function parseFraction(text: string, what: string): Fraction {
  if (text.startsWith('-')) throw new QuantityError(`${what} "${text}" is negative: give zero or more`);
  const match = PATTERN.exec(text);
  const whole = match?.[1] ?? '';
  const decimals = match?.[2] ?? '';
  if (match === null || whole + decimals === '') {
    throw new QuantityError(
      `${what} "${text}" cannot be read: write it like "500m", "2", "512Mi" or "1.5Gi"`,
    );
  }
  const digits = BigInt(whole + decimals);
  const suffix = match[3] ?? '';
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary >= 0) {
    return { numerator: digits << BigInt(10 * (binary + 1)), denominator: 10n ** BigInt(decimals.length) };
  }
  const exponent = (DECIMAL_EXPONENTS.get(suffix) ?? Number(match[4] ?? 0)) - decimals.length;
  return exponent >= 0
    ? { numerator: digits * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-exponent) };
}
