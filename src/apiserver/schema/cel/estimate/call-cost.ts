/** What a call may cost at most, beside its arguments, and how large its result may be: as kube-apiserver and cel-go estimate it. */

import type { Expression } from './expression.ts';
import type { CostRule } from './functions.ts';
import {
  fixed,
  LARGEST,
  product,
  quotient,
  type Size,
  scaled,
  sizeProduct,
  sizeSum,
  sum,
} from './numbers.ts';
import type { Path } from './paths.ts';
import type { Type } from './types.ts';

/** A receiver or an argument. */
export interface Operand {
  readonly expression: Expression;
  readonly type: Type;
  readonly path: Path | undefined;
  readonly size: Size;
  /** Whether anything is known of its size. */
  readonly isSized: boolean;
}

export interface Operands {
  readonly receiver: Operand | undefined;
  readonly args: readonly Operand[];
  /** The size of a list's items by the schema; undefined of what is no list. */
  itemsOf(list: Operand): { readonly type: Type; readonly size: Size } | undefined;
}

export interface Estimate {
  readonly cost: bigint;
  readonly size?: Size | undefined;
}

/** The rules whose costs follow from the operands alone. */
export type PlainRule = Exclude<CostRule, 'logical' | 'conditional' | 'addText' | 'addList'>;

/** Going through a character costs a tenth of a step, a character of a pattern a quarter. */
const PER_CHARACTER = 0.1;
const PER_PATTERN_CHARACTER = 0.25;
/** The base cost of a call that makes a list. */
const NEW_LIST = 11n;
const STEP: Estimate = { cost: 1n };

export function through(size: Size, times = 1): bigint {
  return scaled(size.max, times * PER_CHARACTER);
}

const NOTHING: Size = fixed(0n);

function sizeOf(operand: Operand | undefined): Size {
  return operand?.size ?? NOTHING;
}

/** Estimates a call by its rule. */
export function callCost(rule: PlainRule, operands: Operands): Estimate {
  const { receiver, args } = operands;
  const [first, second] = args;
  const size = sizeOf(receiver);
  const given = sizeOf(first);
  switch (rule) {
    case 'step':
    case 'index':
    case 'value':
      return STEP;
    case 'equal':
      return equality(first, second);
    case 'compare':
      return comparison(given, sizeOf(second));
    case 'inList':
      return { cost: sizeOf(second).max };
    case 'argument':
      return { cost: through(given) };
    case 'receiver':
      return { cost: through(size) };
    case 'url':
      return { cost: through(given), size: given };
    case 'rewrite':
      return { cost: through(size), size };
    case 'twice':
      return { cost: through(given, 2) };
    default:
      return textCost(rule, size, given) ?? networkCost(rule, given) ?? listCost(rule, operands);
  }
}

function equality(a: Operand | undefined, b: Operand | undefined): Estimate {
  const name = a?.type.name;
  if (name === b?.type.name) {
    if (name === 'IP' || name === 'CIDR' || name === 'Quantity') return STEP;
    if (name === 'Format') return { cost: scaled(64n, PER_CHARACTER) };
    if (name === 'URL') return { cost: b?.isSized === true ? through(b.size) : 1n };
  }
  return comparison(sizeOf(a), sizeOf(b));
}

function comparison(a: Size, b: Size): Estimate {
  return { cost: through(a.max < b.max ? a : b) };
}

function pattern(size: Size, source: Size): bigint {
  return product(scaled(sum(size.max, 1n), PER_CHARACTER), scaled(source.max, PER_PATTERN_CHARACTER));
}

/** `size` is that of the receiver, `given` that of the first argument. */
function textCost(rule: PlainRule, size: Size, given: Size): Estimate | undefined {
  switch (rule) {
    case 'matches':
      return { cost: pattern(size, given) };
    case 'find':
      return { cost: pattern(size, given), size: { min: 0n, max: size.max } };
    case 'contains':
      return { cost: product(through(size), through(given)) };
    case 'toBytes':
      return { cost: through(given), size: { min: given.min, max: wrapped(given.max * 4n) } };
    case 'toText':
      return { cost: through(given), size: { min: given.min / 4n, max: given.max } };
    case 'quote':
      return {
        cost: through(given),
        size: { min: wrapped(given.min + 2n), max: wrapped(given.max * 2n + 2n) },
      };
    case 'validate':
      return { cost: scaled(through(given), 128 * PER_PATTERN_CHARACTER) };
    default:
      return undefined;
  }
}

/** Go's plain arithmetic, which begins again at zero. */
function wrapped(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** Addresses are compared as bytes, of which there are at most 16. */
const ADDRESSES = scaled(32n, PER_CHARACTER);
const MASKED = ADDRESSES + scaled(16n, PER_CHARACTER) + 1n;

function networkCost(rule: PlainRule, given: Size): Estimate | undefined {
  switch (rule) {
    case 'network':
      return { cost: ADDRESSES };
    case 'networkText':
      return { cost: sum(ADDRESSES, through(given)) };
    case 'subnet':
      return { cost: MASKED };
    case 'subnetText':
      return { cost: sum(MASKED, through(given)) };
    default:
      return undefined;
  }
}

function listCost(rule: PlainRule, operands: Operands): Estimate {
  const { receiver, args } = operands;
  const [first, second] = args;
  const size = sizeOf(receiver);
  switch (rule) {
    case 'walk':
      return { cost: walk(operands) };
    case 'join':
      return joined(operands);
    case 'replace':
      return { cost: through(size, 2), size: replaced(size, sizeOf(first), sizeOf(second)) };
    case 'split':
      return { cost: through(size, 2), size: { min: 0n, max: integer(second, wrapped) ?? size.max } };
    case 'sets':
      return { cost: sum(product(sizeOf(first).max, sizeOf(second).max), 1n) };
    case 'setsTwice':
      return { cost: sum(scaled(product(sizeOf(first).max, sizeOf(second).max), 2), 1n) };
    case 'slice': {
      const [start, end] = [integer(first) ?? 0n, integer(second) ?? size.max];
      return newList(1, fixed(wrapped(end - start)));
    }
    case 'range':
      return newList(1, fixed(integer(first) ?? LARGEST));
    case 'reverse':
      return newList(1, size);
    case 'flatten':
      return newList(args.length === 0 ? 1 : Number(integer(first) ?? LARGEST), size);
    case 'sortText':
      return newList(2 + PER_CHARACTER, sizeProduct(size, size));
    default:
      // Of `sort` and `distinct`, which compare each item with each.
      return newList(2, sizeProduct(size, size));
  }
}

function newList(factor: number, size: Size): Estimate {
  return { cost: sum(scaled(size.max, factor), NEW_LIST), size };
}

function atLeastZero(value: bigint): bigint {
  return value < 0n ? 0n : value;
}

/** The integer that is written there, if one is. */
function integer(operand: Operand | undefined, unsigned = atLeastZero): bigint | undefined {
  const { expression } = operand ?? {};
  const value = expression?.kind === 'literal' ? expression.value : undefined;
  return typeof value === 'bigint' ? unsigned(value) : undefined;
}

/** Of `sum`, `indexOf` and the like: items that are texts are gone through, too. */
function walk({ receiver, itemsOf }: Operands): bigint {
  if (receiver === undefined) return 1n;
  const items = itemsOf(receiver);
  if (items === undefined) return through(receiver.size);
  const isText = items.type.kind === 'string' || items.type.kind === 'bytes';
  return product(receiver.size.max, isText ? sum(1n, through(items.size)) : 1n);
}

function joined({ receiver, args: [separator], itemsOf }: Operands): Estimate {
  if (receiver === undefined) return STEP;
  const { size: list } = receiver;
  const items = itemsOf(receiver);
  const texts = items === undefined ? NOTHING : sizeProduct(list, items.size);
  const separators = { min: atLeastZero(list.min - 1n), max: atLeastZero(list.max - 1n) };
  const size = separator === undefined ? texts : sizeSum(texts, sizeProduct(separator.size, separators));
  return { cost: through(size), size };
}

/** The size of a text in which `from` is replaced: at most with the shortest replaced by the longest. */
function replaced(text: Size, from: Size, to: Size): Size {
  return {
    max: sum(...replacement(text.max, from.min, to.max, to.max <= from.min)),
    min: sum(...replacement(text.min, from.max, to.min, from.max <= to.min)),
  };
}

function replacement(
  text: bigint,
  from: bigint,
  to: bigint,
  isKept: boolean,
): [replaced: bigint, kept: bigint] {
  // Nothing is found between all characters.
  if (from === 0n) return [product(sum(text, 1n), to), text];
  return isKept ? [0n, text] : [product(quotient(text, from), to), 0n];
}
