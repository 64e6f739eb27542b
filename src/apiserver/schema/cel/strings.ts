/** CEL's string functions that the library lacks, and regular expressions in Go's syntax. */

import type { Environment } from '@marcbachmann/cel-js';
import { goRegExp } from '../go-regexp.ts';

/** The name under which `matches` is registered: the library's own, of JavaScript's syntax, cannot be replaced. */
export const MATCHES = 'matchesGo';

function charAt(text: string, index: bigint): string {
  const chars = [...text];
  if (index < 0n || index > BigInt(chars.length)) throw new Error(`index out of range: ${index}`);
  return chars[Number(index)] ?? '';
}

function replace(text: string, from: string, to: string, limit: bigint): string {
  if (limit < 0n) return text.replaceAll(from, () => to);
  let result = '';
  let rest = text;
  for (let count = 0n; count < limit; count += 1n) {
    const at = rest.indexOf(from);
    if (at < 0) break;
    result += rest.slice(0, at) + to;
    rest = rest.slice(at + from.length);
  }
  return result + rest;
}

function find(text: string, pattern: string): string {
  return goRegExp(pattern).exec(text)?.[0] ?? '';
}

function findAll(text: string, pattern: string, limit: bigint): string[] {
  return goRegExp(pattern)
    .matchAll(text, Number(limit))
    .map(([match = '']) => match);
}

const VERB = /%(?:%|(?:\.(\d+))?([sdfebxXo]))/g;

function format(template: string, values: readonly unknown[]): string {
  let next = 0;
  return template.replace(VERB, (whole, precision: string | undefined, verb: string | undefined) => {
    if (verb === undefined) return whole.slice(1);
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    const value = values[next];
    next += 1;
    return formatOne(verb, value, precision === undefined ? 6 : Number(precision));
  });
}

function formatOne(verb: string, value: unknown, precision: number): string {
  switch (verb) {
    case 'd':
      return String(value);
    case 'f':
      return Number(value).toFixed(precision);
    case 'e':
      return scientific(Number(value), precision);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : toBase(value, 2);
    case 'o':
      return toBase(value, 8);
    case 'x':
      return hex(value);
    case 'X':
      return hex(value).toUpperCase();
    default:
      return display(value);
  }
}

function toBase(value: unknown, base: number): string {
  if (typeof value !== 'bigint') throw new Error('only integers can be formatted so');
  return value.toString(base);
}

function hex(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : toBase(value, 16);
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** `1.5×10⁰³`, as cel-go writes it. */
function scientific(value: number, precision: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(precision).split('e');
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
  const raised = [...digits].map((digit) => SUPERSCRIPTS[Number(digit)] ?? '').join('');
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function display(value: unknown): string {
  return typeof value === 'string' ? value : nested(value);
}

/** Strings inside lists and maps are quoted. */
function nested(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(nested).join(', ')}]`;
  if (value instanceof Map) return `{${entries([...value])}}`;
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return isPlainObject(value) ? `{${entries(Object.entries(value))}}` : String(value);
}

function entries(pairs: readonly (readonly [unknown, unknown])[]): string {
  return pairs
    .map(([key, item]) => `${nested(key)}:${nested(item)}`)
    .toSorted()
    .join(', ');
}

/** A map literal in an expression. */
function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** RFC 3339 without needless zeros. */
function timestampText(value: Date): string {
  return value.toISOString().replace(/\.?0{0,3}Z$/, 'Z');
}

class StringsNamespace {}

function matches(text: string, pattern: string): boolean {
  return goRegExp(pattern).test(text);
}

/** Registers the string functions. */
export function registerStrings(environment: Environment): void {
  environment
    .registerFunction(`string.${MATCHES}(string): bool`, matches)
    .registerFunction('matches(string, string): bool', matches)
    .registerFunction('string(google.protobuf.Duration): string', String)
    .registerFunction('string(google.protobuf.Timestamp): string', timestampText)
    .registerFunction('string.charAt(int): string', charAt)
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      replace(text, from, to, -1n),
    )
    .registerFunction('string.replace(string, string, int): string', replace)
    .registerFunction('string.find(string): string', find)
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      findAll(text, pattern, -1n),
    )
    .registerFunction('string.findAll(string, int): list<string>', findAll)
    .registerFunction('string.format(list<dyn>): string', format)
    .registerType('StringsNamespace', { ctor: StringsNamespace, fields: {} })
    .registerConstant('strings', 'StringsNamespace', new StringsNamespace())
    .registerFunction('StringsNamespace.quote(string): string', (_: unknown, text: string) =>
      JSON.stringify(text),
    );
  for (const [operator, holds] of BYTE_ORDERS) {
    environment.registerOperator(`bytes ${operator} bytes`, (a: Uint8Array, b: Uint8Array) =>
      holds(Buffer.compare(a, b)),
    );
  }
}

const BYTE_ORDERS: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ['<', (order) => order < 0],
  ['<=', (order) => order <= 0],
  ['>', (order) => order > 0],
  ['>=', (order) => order >= 0],
]);
