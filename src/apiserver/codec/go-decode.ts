/**
 * Decodes objects of Kubernetes' own kinds as Go does, and leaves them as Go writes them: unknown fields are dropped, null means
 * "not set", empty fields are left out where the struct says so, and times are in UTC. A value of the wrong type is refused in
 * the words of Go's JSON decoder or, of what was merged before (apply, strategic patches), of Kubernetes' converter.
 */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { normalBytes } from './go-bytes.ts';
import { GoTimeError, normalTime } from './go-time.ts';
import { type Choice, type GoStruct, type GoType, goName, written, zeroOf } from './go-types.ts';
import { isJsonObject } from './merge-patch.ts';

/**
 * Who decodes: `json` reads a body, `converter` an object that is parsed already; `written` is for an object that was decoded
 * before and added to since: its times may lie in years that no client can write.
 */
export type Decoder = 'json' | 'converter' | 'written';

/** What decoding finds. */
export interface Findings {
  /** The first value that does not fit, in Go's words. */
  problem: string | undefined;
  /** Paths of unknown fields: `spec.versions[0].shoe`. */
  readonly unknown: string[];
}

/** The position of a value. */
interface Place {
  /** The struct that holds it. */
  readonly struct: string;
  /** The path through structs, without map keys and indexes, for messages. */
  readonly path: string;
  /** The whole path, for unknown fields. */
  readonly at: string;
}

/** A value that ends decoding at once: one of a type that decodes itself. */
class Misfit extends Error {}

/**
 * Decodes an object as the struct. Mutates the object: afterwards it is as Go writes it; when there is a problem, it is not to be
 * used further.
 */
export function decodeStruct(object: JsonObject, struct: GoStruct, decoder: Decoder = 'json'): Findings {
  const run = new Run(decoder);
  try {
    const decoded = run.struct(object, struct, { struct: '', path: '', at: '' });
    for (const name of Object.keys(object)) delete object[name];
    Object.assign(object, decoded);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return { problem: error.message, unknown: run.unknown };
  }
  return { problem: run.problem, unknown: run.unknown };
}

class Run {
  readonly #decoder: Decoder;
  problem: string | undefined;
  readonly unknown: string[] = [];

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  struct(object: JsonObject, struct: GoStruct, { path, at }: Place): JsonObject {
    const { fields } = struct;
    const values: JsonObject = {};
    for (const [name, value] of Object.entries(object)) {
      const type = own(fields, name);
      const below = (whole: string): string => (whole === '' ? name : `${whole}.${name}`);
      const place = { struct: struct.name, path: below(path), at: below(at) };
      if (type === undefined) this.unknown.push(place.at);
      else if (value !== undefined) setOwn(values, name, this.#value(value, type, place));
    }
    return written(values, struct);
  }

  #value(value: JsonValue, type: GoType, place: Place): JsonValue {
    if (typeof type === 'object' && 'choice' in type) return this.#choice(value, type.choice, place);
    if (value === null) return zeroOf(type);
    if (typeof type === 'string') return this.#scalar(value, type, place);
    if ('named' in type) return typeof value === 'string' ? value : this.#mismatch(value, type, place);
    if ('pointer' in type) return this.#value(value, type.pointer, place);
    if ('list' in type) return this.#list(value, type, place);
    if (!isJsonObject(value)) return this.#mismatch(value, type, place);
    if ('fields' in type) return this.struct(value, type, place);
    const map: JsonObject = {};
    for (const key of Object.keys(value)) {
      const below = { ...place, at: `${place.at}.${key}` };
      setOwn(map, key, this.#value(own(value, key) ?? null, type.map, below));
    }
    return map;
  }

  #list(value: JsonValue, type: Extract<GoType, { list: GoType }>, place: Place): JsonValue {
    if (!Array.isArray(value)) return this.#mismatch(value, type, place);
    return value.map((item, index) =>
      this.#value(item, type.list, { ...place, at: `${place.at}[${index}]` }),
    );
  }

  #scalar(value: JsonValue, type: Extract<GoType, string>, place: Place): JsonValue {
    switch (type) {
      case 'json':
        return value;
      case 'time':
      case 'microTime':
        return this.#time(value, type, place);
      case 'bytes':
        return this.#bytes(value, place);
      case 'string':
      case 'bool':
        return goKindOf(value) === type ? value : this.#mismatch(value, type, place);
      default:
        return this.#number(value, type, place);
    }
  }

  #number(value: JsonValue, type: 'int32' | 'int64' | 'float64', place: Place): JsonValue {
    if (typeof value !== 'number') return this.#mismatch(value, type, place);
    const limit = type === 'int32' ? 2 ** 31 : 2 ** 63;
    const fits = type === 'float64' || (Number.isInteger(value) && value >= -limit && value < limit);
    return fits ? value : this.#mismatch(value, type, place, `number ${value}`);
  }

  #time(value: JsonValue, type: 'time' | 'microTime', place: Place): JsonValue {
    if (typeof value !== 'string') {
      if (this.#decoder !== 'converter') return this.#mismatch(value, type, place);
      throw new Misfit(`json: cannot unmarshal ${goKindOf(value)} into Go value of type string`);
    }
    if (this.#decoder === 'written') return value;
    try {
      return normalTime(value, type);
    } catch (error) {
      throw error instanceof GoTimeError ? new Misfit(error.message) : error;
    }
  }

  #bytes(value: JsonValue, place: Place): JsonValue {
    const isText = typeof value === 'string';
    if (!isText && !Array.isArray(value)) return this.#mismatch(value, 'bytes', place);
    const { bytes, problem } = normalBytes(value);
    if (problem === undefined) return bytes;
    const isConverter = isText && this.#decoder === 'converter';
    this.problem ??= isConverter ? `error decoding from json: ${problem}` : problem;
    return '';
  }

  /** A type that decodes itself does so without a place: its messages name none. */
  #choice(value: JsonValue, { object, array, takesBool, refusal }: Choice, place: Place): JsonValue {
    if (object !== undefined && isJsonObject(value)) return this.#value(value, object, place);
    if (Array.isArray(value) && value.length > 0 && array !== undefined)
      return this.#value(value, array, place);
    if (takesBool && typeof value === 'boolean') return value;
    if (refusal !== undefined && value !== null) throw new Misfit(refusal);
    return null;
  }

  #mismatch(value: JsonValue, type: GoType, place: Place, found = goKindOf(value)): JsonValue {
    const { struct, path } = place;
    const whole = `json: cannot unmarshal ${found} into Go struct field ${struct}.${path} of type ${goName(type)}`;
    this.problem ??= this.#decoder === 'converter' ? notConvertible(value, type) : whole;
    return zeroOf(type);
  }
}

/** What Go calls the kind of a JSON value. */
export function goKindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Go's name of the type into which a JSON value was parsed. */
function reflected(value: JsonValue): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return isJsonObject(value) ? 'map' : goKindOf(value);
}

/** Why the converter refuses a value. */
function notConvertible(value: JsonValue, type: GoType): string {
  const from = reflected(value);
  if (typeof type === 'object') {
    if ('fields' in type) return `cannot restore struct from: ${from}`;
    if ('map' in type) return `cannot restore map from ${from}`;
    if ('list' in type) return `cannot restore slice from ${from}`;
  }
  if (type === 'bytes') return `cannot restore slice from ${from}`;
  const wantsText = type === 'string' || (typeof type === 'object' && 'named' in type);
  // Go could make a text of an integer: a character.
  if (wantsText && from === 'int64') return `cannot convert int64 to ${goName(type)}`;
  return `unrecognized type: ${wantsText ? 'string' : String(type)}`;
}
