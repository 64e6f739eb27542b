/** What Go's YAML parser (sigs.k8s.io/yaml, YAML 1.1) makes of scalars and keys. */

import {
  boolYaml11Tag,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  mergeTag,
  NOT_RESOLVED,
  nullCoreTag,
  Schema,
  seqTag,
  strTag,
} from 'js-yaml';
import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';

const DIGITS = [...'0123456789'];
/** Underscores separate digits, wherever they are. */
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (text) => [text, Number.POSITIVE_INFINITY] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, Number.NEGATIVE_INFINITY] as const),
]);

/** An integer of 64 bits, with or without a sign; others are floats. */
function integerOf(source: string): bigint | undefined {
  const [, sign, hex, binary, octal, decimal] = INTEGER.exec(source.replaceAll('_', '')) ?? [];
  if (sign === undefined) return undefined;
  const size = hex
    ? BigInt(`0x${hex}`)
    : binary
      ? BigInt(`0b${binary}`)
      : octal
        ? BigInt(`0o${octal}`)
        : BigInt(decimal ?? 0);
  const value = sign === '-' ? -size : size;
  return value >= -(2n ** 63n) && value < (sign === '' ? 2n ** 64n : 2n ** 63n) ? value : undefined;
}

const integerTag = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', ...DIGITS],
  resolve: (source) => {
    const value = integerOf(source);
    return value === undefined ? NOT_RESOLVED : Number(value);
  },
  identify: Number.isInteger,
});

const floatTag = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: ['-', '+', '.', ...DIGITS],
  resolve: (source) => {
    const special = SPECIAL.get(source);
    if (special !== undefined) return special;
    const plain = source.startsWith('.') ? source : source.replaceAll('_', '');
    const value = FLOAT.test(plain) ? Number(plain) : Number.NaN;
    return Number.isFinite(value) ? value : NOT_RESOLVED;
  },
  identify: (value) => typeof value === 'number',
});

const binaryTag = defineScalarTag('tag:yaml.org,2002:binary', {
  resolve: (source) => Buffer.from(source, 'base64').toString(),
  identify: () => false,
});

/** A tag that nobody knows says nothing. */
const unknownScalar = defineScalarTag('', {
  matchByTagPrefix: true,
  resolve: (source) => source,
  identify: () => false,
});
const unknownSequence = defineSequenceTag<JsonValue[]>('', {
  matchByTagPrefix: true,
  create: () => [],
  addItem: (list, item) => {
    list.push(item as JsonValue);
  },
  identify: () => false,
});

/** How Go writes a key that is no text; undefined for what cannot be a key. */
function keyOf(key: unknown): string | undefined {
  if (typeof key === 'string') return key;
  if (typeof key === 'boolean') return String(key);
  if (typeof key !== 'number') return undefined;
  if (Number.isNaN(key)) return '.nan';
  if (!Number.isFinite(key)) return key > 0 ? '.inf' : '-.inf';
  // Go knows no integer of more than 63 bits as a key.
  return Number.isInteger(key) && Math.abs(key) >= 2 ** 63 ? undefined : String(key);
}

const asMap = (matchByTagPrefix: boolean, tagName: string) =>
  defineMappingTag<JsonObject>(tagName, {
    matchByTagPrefix,
    create: () => ({}),
    addPair: (map, key, value) => {
      const name = keyOf(key);
      if (name === undefined) return 'unsupported map key';
      setOwn(map, name, value as JsonValue);
      return '';
    },
    has: (map, key) => Object.hasOwn(map, keyOf(key) ?? ''),
    keys: (map) => Object.keys(map),
    get: (map, key) => own(map, keyOf(key) ?? ''),
    identify: () => false,
  });

export const GO_SCHEMA = new Schema([
  asMap(false, 'tag:yaml.org,2002:map'),
  seqTag,
  strTag,
  nullCoreTag,
  boolYaml11Tag,
  integerTag,
  floatTag,
  binaryTag,
  mergeTag,
  unknownScalar,
  unknownSequence,
  asMap(true, ''),
]);
