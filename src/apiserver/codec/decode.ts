import { load } from 'js-yaml';
import { badRequest, unsupportedMediaType } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { goKindOf } from './go-decode.ts';
import { duplicateFields, jsonProblem } from './json-scanner.ts';
import { decodeProtobuf, ProtobufError } from './protobuf.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** Nested aliases grow exponentially when expanded; a body needs few, if any. */
const MAX_ALIASES = 10;

/** A body as sent: its bytes and the media type without parameters ('' when none was named). */
export interface RequestBody {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An object decoded from a body, with the duplicate fields in its text. */
export interface Decoded {
  object: JsonObject;
  duplicates: string[];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unrecognized(kind: string, why: string): Error {
  // kube decodes options by another decoder with shorter messages.
  if (kind === 'DeleteOptions')
    return badRequest(`couldn't get version/kind; ${why.replace(/ \(.*\)$/s, '')}`);
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; ${why}`,
  );
}

const EXCERPT_BYTES = 30;

/** The start of the body for the error message, as kube shows it: in hexadecimal digits unless it looks like an object. */
function excerpt(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const start = body.subarray(0, EXCERPT_BYTES).toString(body[0] === 0x7b ? 'utf8' : 'hex');
  return body.length > EXCERPT_BYTES ? `${start} ...` : start;
}

/** What Go calls a JSON value that is no object, by its first character. */
function goKind(text: string): string {
  const [first = ''] = text;
  if (first === '[') return 'array';
  if (first === '"') return 'string';
  return first === 't' || first === 'f' ? 'bool' : 'number';
}

function parseJson(body: Buffer, kind: string): JsonObject {
  const text = body.toString('utf8');
  const problem = jsonProblem(text);
  if (problem !== undefined) throw unrecognized(kind, `json parse error: ${problem} (${excerpt(body)})`);
  const value = JSON.parse(text) as JsonValue;
  if (isObject(value)) return value;
  const what = goKind(text.trimStart());
  throw unrecognized(
    kind,
    `json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (${excerpt(body)})`,
  );
}

/** Parses one YAML document that must hold an object. JSON is YAML, so it is accepted too. */
export function parseYamlObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = load(text, { maxAliases: MAX_ALIASES });
  } catch (error) {
    throw badRequest(
      `error decoding YAML: error converting YAML to JSON: yaml: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!isObject(value)) throw badRequest('error decoding YAML: the document is not an object');
  // Through JSON, so that nothing but JSON is left (a YAML date becomes a string).
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** Why the type of an object cannot be read, which is read before anything else: its parts are texts. */
export function typeProblem(object: JsonObject): string | undefined {
  for (const [name, value] of Object.entries(object)) {
    if ((name !== 'apiVersion' && name !== 'kind') || typeof value === 'string' || value === null) continue;
    const why = `cannot unmarshal ${goKindOf(value ?? null)} into Go struct field .${name} of type string`;
    return `json parse error: json: ${why}`;
  }
  return undefined;
}

/** The refusal of a body whose object does not say what kind it is. */
export function withoutKind(kind: string, { bytes }: RequestBody): Error {
  const what = `Object 'Kind' is missing in '${bytes.toString('utf8')}' (${excerpt(bytes)})`;
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${what}`);
}

function typed(object: JsonObject, kind: string, body: Buffer): JsonObject {
  const problem = typeProblem(object);
  if (problem !== undefined) throw unrecognized(kind, `${problem} (${excerpt(body)})`);
  return object;
}

function parseProtobuf(bytes: Buffer, kind: string): JsonObject {
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    if (error instanceof ProtobufError) throw unrecognized(kind, error.message);
    throw error;
  }
}

/**
 * Decodes a body that holds an object. Throws 400 when it does not, and 415 for other media types.
 * @param kind the kind expected, for messages
 * @param protobuf whether this kind may be sent as protobuf (custom resources may not)
 */
export function decodeObject(body: RequestBody, kind: string, protobuf: boolean): Decoded {
  const text = (): string => body.bytes.toString('utf8');
  switch (body.mediaType) {
    case '':
    case JSON_TYPE:
      return {
        object: typed(parseJson(body.bytes, kind), kind, body.bytes),
        duplicates: duplicateFields(text()),
      };
    case YAML_TYPE:
      return { object: typed(parseYamlObject(text()), kind, body.bytes), duplicates: [] };
    case PROTOBUF_TYPE:
      if (protobuf) return { object: parseProtobuf(body.bytes, kind), duplicates: [] };
      break;
  }
  throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
}
