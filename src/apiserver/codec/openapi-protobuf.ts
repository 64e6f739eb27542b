/**
 * OpenAPI v2 documents in the protobuf form that older kubectl and `kubectl explain --output=plaintext-openapiv2` request:
 * those messages of gnostic's OpenAPIv2.proto that our documents need.
 * https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 */

import { own } from '../../base/own.ts';
import { isJsonObject } from './merge-patch.ts';
import { bytesField, doubleField, varintField } from './protobuf-wire.ts';

/** Writes a value as the field of that number; writes nothing for the default value, which an absent field means. */
type Writer = (number: number, value: unknown) => Buffer;
/** A message: the number of each field of the JSON, and how it is written. */
type Message = Readonly<Record<string, readonly [number: number, writer: Writer]>>;
type Name =
  | 'Document'
  | 'Info'
  | 'ApiKey'
  | 'PathItem'
  | 'Operation'
  | 'Response'
  | 'BodyParameter'
  | 'PathParameter'
  | 'QueryParameter'
  | 'Schema';

const NOTHING = Buffer.alloc(0);

/** An OpenAPI v2 document as protobuf, without the parts for which the format has no field. */
export function encodeOpenApiV2(document: object): Buffer {
  return fieldsOf('Document', document);
}

const string: Writer = (number, value) => bytesField(number, Buffer.from(String(value)));
const bool: Writer = (number, value) => (value === true ? varintField(number, 1) : NOTHING);
const int: Writer = (number, value) => (value === 0 ? NOTHING : varintField(number, Number(value)));

const double: Writer = (number, value) => (value === 0 ? NOTHING : doubleField(number, Number(value)));

/** An arbitrary value is sent as YAML text; JSON is YAML. */
const any: Writer = (number, value) => bytesField(number, string(2, `${JSON.stringify(value)}\n`));

function each(writer: Writer): Writer {
  return (number, value) =>
    Buffer.concat((Array.isArray(value) ? value : [value]).map((item) => writer(number, item)));
}

function message(name: Name): Writer {
  return (number, value) => bytesField(number, fieldsOf(name, value));
}

/** A message with one field. */
function within(inner: number, writer: Writer): Writer {
  return (number, value) => bytesField(number, writer(inner, value));
}

/** A map: a message for each entry, with its name and its value. */
function named(writer: Writer): Writer {
  return (number, value) => {
    const entries = Object.entries(isJsonObject(value) ? value : {});
    return Buffer.concat(
      entries.map(([name, item]) => bytesField(number, Buffer.concat([string(1, name), writer(2, item)]))),
    );
  };
}

const additionalProperties: Writer = (number, value) =>
  typeof value === 'boolean'
    ? bytesField(number, varintField(2, Number(value)))
    : within(1, message('Schema'))(number, value);

const parameter: Writer = (number, value) => {
  const place = isJsonObject(value) ? value.in : undefined;
  if (place === 'body') return within(1, within(1, message('BodyParameter')))(number, value);
  const other = place === 'path' ? message('PathParameter') : message('QueryParameter');
  return within(1, within(2, within(place === 'path' ? 4 : 3, other)))(number, value);
};

/** Extensions (`x-…`) of a message are a map in the field of this number. */
const EXTENSIONS: Readonly<Partial<Record<Name, number>>> = { Operation: 13, Schema: 31 };

function fieldsOf(name: Name, value: unknown): Buffer {
  const known = MESSAGES[name];
  const fields = Object.entries(isJsonObject(value) ? value : {});
  const written = fields.map(([field, item]) => {
    const [number, writer] = own(known, field) ?? [];
    return number === undefined || writer === undefined ? NOTHING : writer(number, item);
  });
  const extensions = Object.fromEntries(fields.filter(([field]) => field.startsWith('x-')));
  const at = EXTENSIONS[name];
  return Buffer.concat([...written, at === undefined ? NOTHING : named(any)(at, extensions)]);
}

const MESSAGES: Readonly<Record<Name, Message>> = {
  Document: {
    swagger: [1, string],
    info: [2, message('Info')],
    paths: [8, within(2, named(message('PathItem')))],
    definitions: [9, within(1, named(message('Schema')))],
    security: [12, each(within(1, named(within(1, each(string)))))],
    securityDefinitions: [13, within(1, named(within(2, message('ApiKey'))))],
  },
  Info: { title: [1, string], version: [2, string] },
  ApiKey: { type: [1, string], name: [2, string], in: [3, string], description: [4, string] },
  PathItem: {
    get: [2, message('Operation')],
    put: [3, message('Operation')],
    post: [4, message('Operation')],
    delete: [5, message('Operation')],
    patch: [8, message('Operation')],
    parameters: [9, each(parameter)],
  },
  Operation: {
    tags: [1, each(string)],
    description: [3, string],
    operationId: [5, string],
    produces: [6, each(string)],
    consumes: [7, each(string)],
    parameters: [8, each(parameter)],
    responses: [9, within(1, named(within(1, message('Response'))))],
    schemes: [10, each(string)],
  },
  Response: { description: [1, string], schema: [2, within(1, message('Schema'))] },
  BodyParameter: {
    description: [1, string],
    name: [2, string],
    in: [3, string],
    required: [4, bool],
    schema: [5, message('Schema')],
  },
  PathParameter: {
    required: [1, bool],
    in: [2, string],
    description: [3, string],
    name: [4, string],
    type: [5, string],
    uniqueItems: [19, bool],
  },
  QueryParameter: {
    required: [1, bool],
    in: [2, string],
    description: [3, string],
    name: [4, string],
    type: [6, string],
    uniqueItems: [20, bool],
  },
  Schema: {
    $ref: [1, string],
    format: [2, string],
    title: [3, string],
    description: [4, string],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, bool],
    minimum: [9, double],
    exclusiveMinimum: [10, bool],
    maxLength: [11, int],
    minLength: [12, int],
    pattern: [13, string],
    maxItems: [14, int],
    minItems: [15, int],
    uniqueItems: [16, bool],
    maxProperties: [17, int],
    minProperties: [18, int],
    required: [19, each(string)],
    enum: [20, each(any)],
    additionalProperties: [21, additionalProperties],
    type: [22, within(1, each(string))],
    items: [23, within(1, message('Schema'))],
    allOf: [24, each(message('Schema'))],
    properties: [25, within(1, named(message('Schema')))],
  },
};
