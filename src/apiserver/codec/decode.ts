import { load } from 'js-yaml';
import { badRequest, unsupportedMediaType } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { scanJson } from './json-scanner.ts';
import { decodeEnvelope, type Envelope, openEnvelope, type TypeMeta } from './protobuf.ts';
import { ProtobufError } from './protobuf-wire.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** Nested aliases grow exponentially when expanded; a body needs few, if any. */
const MAX_ALIASES = 10;

/** How much of a body that is no protobuf is shown. */
const MAX_SHOWN_BYTES = 30;

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

/** The start of the text for the error message, as kube shows it. */
function excerpt(text: string): string {
  return text === '' ? '<empty>' : text.length > 100 ? `${text.slice(0, 100)} ...` : text;
}

/** What Go calls a JSON value that is no object, by its first character. */
function goKind(text: string): string {
  const [first = ''] = text;
  if (first === '[') return 'array';
  if (first === '"') return 'string';
  return first === 't' || first === 'f' ? 'bool' : 'number';
}

function parseJson(text: string, kind: string): Decoded {
  const scanned = scanJson(text);
  if (scanned.problem !== undefined)
    throw unrecognized(kind, `json parse error: ${scanned.problem} (${excerpt(text)})`);
  const value = JSON.parse(text) as JsonValue;
  if (isObject(value)) return { object: value, duplicates: scanned.duplicates };
  const what = goKind(text.trimStart());
  throw unrecognized(
    kind,
    `json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (${Buffer.from(text.slice(0, 100)).toString('hex')})`,
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

/** The start of a body that is no text, as kube shows it. */
function shownBytes(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const shown = bytes.subarray(0, MAX_SHOWN_BYTES);
  return `${shown.toString(bytes[0] === 0x7b ? 'utf8' : 'hex')}${bytes.length > MAX_SHOWN_BYTES ? ' ...' : ''}`;
}

/** Does that, with what is wrong with the protobuf as a 400. */
function reading<Result>(read: () => Result, refusal: (why: string) => string): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(refusal(error.message));
    throw error;
  }
}

function parseProtobuf(bytes: Buffer, expected: TypeMeta): JsonObject {
  const { kind } = expected;
  const isOptions = kind === 'DeleteOptions';
  const envelope: Envelope = reading(
    () => openEnvelope(bytes, expected),
    (why) =>
      isOptions
        ? why
        : `the object provided is unrecognized (must be of type ${kind}): ${why} (${shownBytes(bytes)})`,
  );
  // kube looks for the kind among those of options, before it reads the object.
  if (isOptions && envelope.kind !== kind) return { apiVersion: envelope.apiVersion, kind: envelope.kind };
  const version = JSON.stringify(envelope.apiVersion.split('/').at(-1));
  return reading(
    () => decodeEnvelope(envelope),
    (why) =>
      isOptions ? why : `${envelope.kind} in version ${version} cannot be handled as a ${kind}: ${why}`,
  );
}

/**
 * Decodes a body that holds an object. Throws 400 when it does not, and 415 for other media types.
 * @param expected the type that the object should have
 * @param protobuf whether this kind may be sent as protobuf (custom resources may not)
 */
export function decodeObject(body: RequestBody, expected: TypeMeta, protobuf: boolean): Decoded {
  const { kind } = expected;
  const text = (): string => body.bytes.toString('utf8');
  switch (body.mediaType) {
    case '':
    case JSON_TYPE:
      return parseJson(text(), kind);
    case YAML_TYPE:
      return { object: parseYamlObject(text()), duplicates: [] };
    case PROTOBUF_TYPE:
      if (protobuf) return { object: parseProtobuf(body.bytes, expected), duplicates: [] };
      break;
  }
  throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
}
