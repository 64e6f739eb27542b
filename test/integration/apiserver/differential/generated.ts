import type { JsonObject, JsonSchema, JsonValue } from '../../../../src/apiserver/types.ts';
import { fc } from '../../../fuzz.ts';

/** Objects and maps stay small: what matters is that every part of a schema comes up in some run. */
const FEW = 3;

/** A value that mostly keeps to the schema; CEL rules it may break. */
export function arbitraryOf(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string'] === true)
    return fc.oneof(fc.integer({ min: -10 }), textOf(schema));
  switch (schema.type) {
    case 'object':
      return objectOf(schema);
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), {
        minLength: Math.min(schema.minItems ?? 0, FEW),
        maxLength: Math.min(schema.maxItems ?? FEW, FEW),
      });
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -9, max: schema.maximum ?? (schema.minimum ?? 0) + 9 });
    case 'number':
      return fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 1, 0.75);
    case 'boolean':
      return fc.boolean();
    default:
      return fc.constantFrom<JsonValue[]>('text', 1, true, { a: 1 });
  }
}

function objectOf(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  const { properties = {}, additionalProperties: extra, required = [] } = schema;
  if (typeof extra === 'object') {
    return fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/), arbitraryOf(extra), { maxKeys: FEW });
  }
  const fields = Object.entries(properties).map(([name, below]) => [name, arbitraryOf(below)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: required }) as fc.Arbitrary<JsonValue>;
}

function textOf({
  pattern,
  format,
  minLength = 0,
  maxLength = Number.POSITIVE_INFINITY,
}: JsonSchema): fc.Arbitrary<string> {
  if (format === 'date-time') return fc.constantFrom('2030-01-01T00:00:00Z', '2030-01-01T00:00:00+01:00');
  const bounds = (value: string): boolean => value.length >= minLength && value.length <= maxLength;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { size: 'small' }).filter(bounds);
  // Filters that nothing passes would search for ever: what is chosen from is filtered itself.
  const addresses = ['10.0.0.1', '10.0.0.9', 'fd00::1', '10.0.0.0/24'].filter(bounds);
  const words = fc.string({
    unit: fc.constantFrom(...'abc-1'),
    minLength,
    maxLength: Math.min(maxLength, minLength + 8),
  });
  return addresses.length === 0 ? words : fc.oneof(words, fc.constantFrom(...addresses), words);
}

/** How a value is spoilt. */
const DAMAGES = ['null', 'type', 'missing', 'unknown', 'huge', 'empty', 'doubled'] as const;

type Damage = (typeof DAMAGES)[number];

/** Where, as a number that is taken modulo the places there are, and how. */
export const damages = fc.array(fc.tuple(fc.nat(9999), fc.constantFrom(...DAMAGES)), { maxLength: 3 });

/** A spec, most often with something wrong in it. */
export function specOf(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  return fc.tuple(arbitraryOf(schema), damages).map(([spec, harm]) => spoilt(spec, harm));
}

/** A copy with that harm done to it. */
export function spoilt(value: JsonValue, harm: readonly (readonly [number, Damage])[]): JsonValue {
  const copy = structuredClone(value);
  for (const [where, damage] of harm) spoil(copy, where, damage);
  return copy;
}

interface Place {
  readonly holder: JsonObject | JsonValue[];
  readonly key: string | number;
}

function placesIn(value: JsonValue | undefined): Place[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, key) => [{ holder: value, key }, ...placesIn(item)]);
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [{ holder: value, key }, ...placesIn(item)]);
}

function spoil(spec: JsonValue, where: number, damage: Damage): void {
  const places = placesIn(spec);
  const place = places[where % Math.max(places.length, 1)];
  if (place === undefined) return;
  const holder = place.holder as JsonObject;
  const key = String(place.key);
  const value = holder[key];
  switch (damage) {
    case 'null':
      holder[key] = null;
      return;
    case 'type':
      holder[key] = typeof value === 'string' ? 7 : typeof value === 'number' ? [] : 'text';
      return;
    case 'missing':
      if (Array.isArray(place.holder)) place.holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case 'unknown':
      if (!Array.isArray(place.holder)) holder.unheardOf = 1;
      return;
    case 'huge':
      holder[key] = typeof value === 'number' ? value * 1000 + 1000 : 'x'.repeat(600);
      return;
    case 'empty':
      holder[key] = Array.isArray(value) ? [] : typeof value === 'object' ? {} : '';
      return;
    case 'doubled':
      if (Array.isArray(value)) value.push(...structuredClone(value));
  }
}
