/**
 * Every field of a kind, set to nothing in each of the ways that clients know (null, "", [], {}, 0, false), and sent in
 * each of the ways in which an object can be written.
 */

import { dump } from 'js-yaml';
import type { JsonObject, JsonValue } from '../../../../src/apiserver/types.ts';
import {
  apply,
  type Case,
  get,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  quietly,
  STRATEGIC_PATCH,
  type Step,
} from './case.ts';

const EMPTIES: readonly JsonValue[] = [null, '', [], {}, 0, false];

/** Names of fields, keys of maps and positions in lists. */
export type FieldPath = readonly (string | number)[];

/** An OpenAPI schema as the documents of version 3 have it. */
export interface DocumentSchema {
  readonly $ref?: string;
  readonly allOf?: readonly DocumentSchema[];
  readonly properties?: Readonly<Record<string, DocumentSchema>>;
  readonly additionalProperties?: DocumentSchema | boolean;
  readonly items?: DocumentSchema;
}

export type Definitions = Readonly<Record<string, DocumentSchema>>;

/** An object that is there on both servers, and where it is. */
export interface Whole {
  readonly collection: string;
  readonly path: string;
  readonly object: JsonObject;
  /** The status is written by an endpoint of its own. */
  readonly hasStatus: boolean;
  readonly custom: boolean;
}

/** Every field below a definition, once for each definition that contains itself. */
export function fieldsOf(definitions: Definitions, name: string, sample: JsonValue): FieldPath[] {
  const walk = (
    given: DocumentSchema,
    value: JsonValue | undefined,
    at: FieldPath,
    seen: readonly string[],
  ): FieldPath[] => {
    const reference = given.$ref ?? given.allOf?.[0]?.$ref;
    const target = reference?.split('/').at(-1) ?? '';
    if (seen.includes(target)) return [];
    const schema = reference === undefined ? given : (definitions[target] ?? {});
    const below = reference === undefined ? seen : [...seen, target];
    const one = (key: string | number, child: DocumentSchema): FieldPath[] => {
      const inside = (value as JsonObject | undefined)?.[key];
      return [[...at, key], ...walk(child, inside, [...at, key], below)];
    };
    const { properties = {}, additionalProperties: extra, items } = schema;
    const fields = Object.entries(properties).flatMap(([key, child]) => one(key, child));
    const [key = 'a'] = Array.isArray(value) ? [] : Object.keys(value ?? {});
    return [
      ...fields,
      ...(typeof extra === 'object' ? one(key, extra) : []),
      ...(items === undefined ? [] : one(0, items)),
    ];
  };
  return walk({ $ref: name }, sample, [], []);
}

/** A copy with that value there; what is missing on the way is made. */
function withValue(whole: JsonValue | undefined, path: FieldPath, value: JsonValue): JsonValue {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof key === 'number') {
    const list = Array.isArray(whole) ? whole : [];
    return [withValue(list[key], rest, value), ...list.slice(1)];
  }
  const holder = typeof whole === 'object' && whole !== null && !Array.isArray(whole) ? whole : {};
  return { ...holder, [key]: withValue(holder[key], rest, value) };
}

function valueAt(whole: JsonValue | undefined, path: FieldPath): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (value, key) => (typeof value === 'object' ? (value as JsonObject | null)?.[key] : undefined),
    whole,
  );
}

/** The part that a merge patch needs: lists whole, maps without what stays. */
function mergePart(whole: JsonObject, path: FieldPath, value: JsonValue): JsonValue {
  const list = path.findIndex((key) => typeof key === 'number');
  const named = list < 0 ? path : path.slice(0, list);
  const put = list < 0 ? value : withValue(valueAt(whole, named), path.slice(list), value);
  return withValue({}, named, put);
}

/** Adds what is missing from the deepest place that is there. */
function operation(whole: JsonObject, path: FieldPath, value: JsonValue): JsonObject {
  let depth = 1;
  while (depth < path.length && valueAt(whole, path.slice(0, depth)) !== undefined) depth += 1;
  const at = path.slice(0, depth);
  const pointer = at.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  const op = valueAt(whole, at) === undefined ? 'add' : 'replace';
  return { op, path: pointer, value: withValue(undefined, path.slice(depth), value) };
}

const YAML = 'application/yaml';
const asYaml = (value: JsonValue): string => dump(value, { lineWidth: -1 });

/** One way of writing an object. */
export interface Way {
  readonly name: string;
  steps(whole: Whole, path: FieldPath, value: JsonValue): Step[];
}

const DRY = 'dryRun=All&fieldManager=other';

/** Where that field is written. */
function endpoint({ path: at, hasStatus }: Whole, path: FieldPath): string {
  return hasStatus && path[0] === 'status' ? `${at}/status` : at;
}

/** The identity of an object, and the field alone. */
function manifest({ object }: Whole, path: FieldPath, value: JsonValue): JsonValue {
  const { apiVersion, kind, metadata } = object;
  const { name } = metadata as JsonObject;
  const identity: JsonObject = { apiVersion, kind, metadata: { name } };
  const list = path.findIndex((key) => typeof key === 'number');
  const named = list < 0 ? path : path.slice(0, list);
  const put = list < 0 ? value : withValue(valueAt(object, named), path.slice(list), value);
  return withValue(identity, named, put);
}

function renamed(object: JsonObject, name: string): JsonObject {
  return { ...object, metadata: { ...(object.metadata as JsonObject), name } };
}

const WAYS: readonly Way[] = [
  {
    name: 'create',
    steps: ({ collection, object }, path, value) => [
      post(`${collection}?${DRY}`, withValue(renamed(object, nameOfAnother(object)), path, value)),
    ],
  },
  {
    name: 'update',
    steps: (whole, path, value) => {
      const { metadata } = whole.object;
      const object = { ...whole.object, metadata: { ...(metadata as JsonObject), resourceVersion: '{rv}' } };
      const at = `${endpoint(whole, path)}?${DRY}`;
      return [{ ...put(at, asYaml(withValue(object, path, value))), type: YAML }];
    },
  },
  {
    name: 'merge patch',
    steps: (whole, path, value) => [
      merge(`${endpoint(whole, path)}?${DRY}`, mergePart(whole.object, path, value)),
    ],
  },
  {
    name: 'JSON patch',
    steps: (whole, path, value) => [
      patch(JSON_PATCH, `${endpoint(whole, path)}?${DRY}`, [operation(whole.object, path, value)]),
    ],
  },
  {
    name: 'strategic patch',
    steps: (whole, path, value) =>
      whole.custom
        ? []
        : [patch(STRATEGIC_PATCH, `${endpoint(whole, path)}?${DRY}`, mergePart(whole.object, path, value))],
  },
  {
    name: 'apply',
    steps: (whole, path, value) => [
      apply(endpoint(whole, path), 'other', manifest(whole, path, value), '&dryRun=All&force=true'),
    ],
  },
  {
    name: 'apply to nothing',
    steps: ({ collection, object }, path, value) => {
      const name = nameOfAnother(object);
      const made = asYaml(withValue(renamed(object, name), path, value));
      return [apply(`${collection}/${name}`, 'other', made, '&dryRun=All')];
    },
  },
];

/** A lease's name is its address; a definition's follows from its plural. */
function nameOfAnother({ kind, metadata }: JsonObject): string {
  const { name } = metadata as { name: string };
  if (kind === 'CustomResourceDefinition') return name;
  return kind === 'IPLease' ? name : 'another';
}

/** A field that is set to nothing in one way. */
export interface Emptied extends Case {
  readonly kind: string;
  readonly way: string;
  readonly path: FieldPath;
  readonly value: JsonValue;
}

/** Every field with every value in every way, in dry runs: the next story finds the object as it was. */
export function storiesOf(whole: Whole, fields: readonly FieldPath[]): Emptied[] {
  const kind = String(whole.object.kind);
  return fields.flatMap((path) =>
    EMPTIES.flatMap((value) =>
      WAYS.flatMap(({ name: way, steps: stepsOf }) => {
        const steps = stepsOf(whole, path, value);
        const name = `${kind}: ${way} ${path.join('.')} = ${JSON.stringify(value)}`;
        const story = { name, kind, way, path, value, steps: [quietly(get(whole.path)), ...steps] };
        return steps.length === 0 ? [] : [story];
      }),
    ),
  );
}
