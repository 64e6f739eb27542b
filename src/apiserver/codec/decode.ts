import { badRequest, unsupportedMediaType } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { goKindOf } from './go-decode.ts';
import { scanJson } from './json-scanner.ts';
import { isJsonObject } from './merge-patch.ts';
import { decodeEnvelope, type Envelope, openEnvelope, type TypeMeta } from './protobuf.ts';
import { ProtobufError } from './protobuf-wire.ts';
import { readYaml, YamlError } from './yaml.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** How much of a body that is no protobuf is shown. */
const MAX_SHOWN_BYTES = 30;

/** A body as sent: its bytes and the media type without parameters ('' when none was named). */
export interface RequestBody {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An object decoded from a body. */
export interface Decoded {
  readonly object: JsonObject;
  /** Duplicate fields in JSON. */
  readonly duplicates: readonly string[];
  /** Keys that YAML has twice, in the words of Go's parser. */
  readonly repeated: readonly string[];
}

const NO_TYPE = "couldn't get version/kind";

/** The refusal of a body that is no object at all; kube decodes options by another decoder with shorter messages. */
function unrecognized(kind: string, why: string, bytes: Buffer): Error {
  if (kind === 'DeleteOptions') return badRequest(why);
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): ${why} (${shownBytes(bytes)})`,
  );
}

function parseJson(bytes: Buffer, kind: string): Decoded {
  const text = bytes.toString('utf8');
  const scanned = scanJson(text);
  if (scanned.problem !== undefined)
    throw unrecognized(kind, `${NO_TYPE}; json parse error: ${scanned.problem}`, bytes);
  const object = asObject(JSON.parse(text) as JsonValue, kind, bytes);
  return { object: typed(object, kind, bytes), duplicates: scanned.duplicates, repeated: [] };
}

/** The value if it is an object; null stands for an empty one. */
function asObject(value: JsonValue, kind: string, bytes: Buffer): JsonObject {
  if (value === null) return {};
  if (isJsonObject(value)) return value;
  const into =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const why = `json: cannot unmarshal ${goKindOf(value)} into Go value of type ${into}`;
  throw unrecognized(kind, `${NO_TYPE}; json parse error: ${why}`, bytes);
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
  return unrecognized(kind, `Object 'Kind' is missing in '${bytes.toString('utf8')}'`, bytes);
}

function typed(object: JsonObject, kind: string, bytes: Buffer): JsonObject {
  const problem = typeProblem(object);
  if (problem !== undefined) throw unrecognized(kind, `${NO_TYPE}; ${problem}`, bytes);
  return object;
}

function parseYaml(bytes: Buffer, kind: string): Pick<Decoded, 'object' | 'repeated'> {
  try {
    const { value, repeated } = readYaml(bytes.toString('utf8'));
    return { object: typed(asObject(value, kind, bytes), kind, bytes), repeated };
  } catch (error) {
    if (error instanceof YamlError) throw unrecognized(kind, `yaml: ${error.message}`, bytes);
    throw error;
  }
}

/** A manifest in YAML, or JSON, for server-side apply, with the keys that it has twice. Throws 400. */
export function parseManifest(text: string): Pick<Decoded, 'object' | 'repeated'> {
  const begin = 'error decoding YAML: error';
  try {
    const { value, repeated } = readYaml(text);
    if (value === null || isJsonObject(value)) return { object: value ?? {}, repeated };
    const why = `json: cannot unmarshal ${goKindOf(value)} into Go value of type map[string]interface {}`;
    throw badRequest(`${begin} unmarshaling JSON: while decoding JSON: ${why}`);
  } catch (error) {
    if (error instanceof YamlError)
      throw badRequest(`${begin} converting YAML to JSON: yaml: ${error.message}`);
    throw error;
  }
}

/** The start of a body that is no text, as kube shows it. */
function shownBytes(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const shown = bytes.subarray(0, MAX_SHOWN_BYTES);
  return `${shown.toString(bytes[0] === 0x7b ? 'utf8' : 'hex')}${bytes.length > MAX_SHOWN_BYTES ? ' ...' : ''}`;
}

/** Does that; what is wrong with the protobuf becomes a 400. */
function reading<Result>(read: () => Result, refusal: (why: string) => Error): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtobufError) throw refusal(error.message);
    throw error;
  }
}

function parseProtobuf(bytes: Buffer, expected: TypeMeta): JsonObject {
  const { kind } = expected;
  const isOptions = kind === 'DeleteOptions';
  const envelope: Envelope = reading(
    () => openEnvelope(bytes, expected),
    (why) => unrecognized(kind, why, bytes),
  );
  // kube looks for the kind among those of options, before it reads the object.
  if (isOptions && envelope.kind !== kind) return { apiVersion: envelope.apiVersion, kind: envelope.kind };
  const version = JSON.stringify(envelope.apiVersion.split('/').at(-1));
  return reading(
    () => decodeEnvelope(envelope),
    (why) =>
      badRequest(
        isOptions ? why : `${envelope.kind} in version ${version} cannot be handled as a ${kind}: ${why}`,
      ),
  );
}

/**
 * Decodes a body that holds an object. Throws 400 when it does not, and 415 for other media types.
 * @param expected the type that the object should have
 * @param protobuf whether this kind may be sent as protobuf (custom resources may not)
 */
export function decodeObject(body: RequestBody, expected: TypeMeta, protobuf: boolean): Decoded {
  const { kind } = expected;
  const { bytes } = body;
  switch (body.mediaType) {
    case '':
    case JSON_TYPE:
      return parseJson(bytes, kind);
    case YAML_TYPE:
      return { ...parseYaml(bytes, kind), duplicates: [] };
    case PROTOBUF_TYPE:
      if (protobuf) return { object: parseProtobuf(bytes, expected), duplicates: [], repeated: [] };
      break;
  }
  throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
}
