import { own } from '../../base/own.ts';
import type { JsonValue } from '../types.ts';
import { isJsonObject } from './merge-patch.ts';

/** A value as Go prints it: `map[data:map[a:0] list:[x y]]`. */
export function goText(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isJsonObject(value)) return String(value);
  const names = Object.keys(value).toSorted();
  return `map[${names.map((name) => `${name}:${goText(own(value, name))}`).join(' ')}]`;
}
