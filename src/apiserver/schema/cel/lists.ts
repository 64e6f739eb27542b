/** CEL's list functions, Kubernetes' own and those of the common extensions. */

import type { Environment } from '@marcbachmann/cel-js';
import { celEqual } from './equal.ts';

type List = readonly unknown[];

/** The library's durations; their class is not in its types. */
interface Duration {
  addDuration(other: Duration): Duration;
  valueOf(): number;
}

function isDuration(value: unknown): value is Duration {
  return typeof value === 'object' && value !== null && 'addDuration' in value;
}

function order(a: unknown, b: unknown): number {
  const [left, right] = [comparable(a), comparable(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function comparable(value: unknown): number | bigint | string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof Date) return value.getTime();
  if (isDuration(value)) return value.valueOf();
  throw new Error('no such overload');
}

function sum(list: List): unknown {
  const [first] = list;
  if (typeof first === 'number') return list.reduce((total: number, item) => total + Number(item), 0);
  if (isDuration(first)) {
    return list
      .slice(1)
      .reduce((total: Duration, item) => (isDuration(item) ? total.addDuration(item) : total), first);
  }
  return list.reduce((total: bigint, item) => {
    if (typeof item !== 'bigint') throw new Error('no such overload');
    return total + item;
  }, 0n);
}

function extreme(list: List, name: 'min' | 'max'): unknown {
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  const wanted = name === 'min' ? -1 : 1;
  return list.reduce((best, item) => (order(item, best) === wanted ? item : best));
}

function isSorted(list: List): boolean {
  return list.every((item, index) => index === 0 || order(list[index - 1], item) <= 0);
}

function distinct(list: List): List {
  return list.filter((item, index) => list.findIndex((other) => celEqual(other, item)) === index);
}

function slice(list: List, start: bigint, end: bigint): List {
  if (start < 0n || end < 0n)
    throw new Error(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end)
    throw new Error(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > BigInt(list.length))
    throw new Error(`cannot slice(${start}, ${end}), list is length ${list.length}`);
  return list.slice(Number(start), Number(end));
}

function flatten(list: List, depth: bigint): List {
  if (depth < 0n) throw new Error('level must be non-negative');
  return [...list].flat(Number(depth));
}

class Namespace {}
class SetsNamespace {}

/** Registers the functions of lists, `sets.*` and `lists.range`. */
export function registerLists(environment: Environment): void {
  const indexOf = (list: List, wanted: unknown): bigint =>
    BigInt(list.findIndex((item) => celEqual(item, wanted)));
  const lastIndexOf = (list: List, wanted: unknown): bigint =>
    BigInt(list.findLastIndex((item) => celEqual(item, wanted)));
  environment
    .registerFunction('list<A>.isSorted(): bool', isSorted)
    .registerFunction('list<A>.sum(): A', sum)
    .registerFunction('list<A>.min(): A', (list: List) => extreme(list, 'min'))
    .registerFunction('list<A>.max(): A', (list: List) => extreme(list, 'max'))
    .registerFunction('list<A>.indexOf(A): int', indexOf)
    .registerFunction('list<A>.lastIndexOf(A): int', lastIndexOf)
    .registerFunction('list<A>.distinct(): list<A>', distinct)
    .registerFunction('list<A>.reverse(): list<A>', (list: List) => list.toReversed())
    .registerFunction('list<A>.sort(): list<A>', (list: List) => list.toSorted(order))
    .registerFunction('list<A>.slice(int, int): list<A>', slice)
    .registerFunction('list.flatten(): list', (list: List) => flatten(list, 1n))
    .registerFunction('list.flatten(int): list', flatten)
    .registerType('ListsNamespace', { ctor: Namespace, fields: {} })
    .registerConstant('lists', 'ListsNamespace', new Namespace())
    .registerFunction('ListsNamespace.range(int): list<int>', (_: unknown, count: bigint) =>
      Array.from({ length: Number(count) }, (__, index) => BigInt(index)),
    );
  registerSets(environment);
}

function registerSets(environment: Environment): void {
  const has = (list: List, wanted: unknown): boolean => list.some((item) => celEqual(item, wanted));
  const contains = (list: List, wanted: List): boolean => wanted.every((item) => has(list, item));
  environment
    .registerType('SetsNamespace', { ctor: SetsNamespace, fields: {} })
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list<A>, list<A>): bool', (_: unknown, a: List, b: List) =>
      contains(a, b),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list<A>, list<A>): bool',
      (_: unknown, a: List, b: List) => contains(a, b) && contains(b, a),
    )
    .registerFunction('SetsNamespace.intersects(list<A>, list<A>): bool', (_: unknown, a: List, b: List) =>
      b.some((item) => has(a, item)),
    );
}
