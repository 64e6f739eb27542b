import type { JsonObject, JsonSchema, JsonValue } from '../../../../src/apiserver/types.ts';
import { fc } from '../../../fuzz.ts';
import { arbitraryOf, damages, spoilt } from './generated.ts';

/** Changes of an object that a client may send: with whole parts replaced, and patches. */
export interface Change {
  readonly spec: JsonValue;
  readonly specPart: JsonValue;
  readonly status: JsonValue;
  readonly statusPart: JsonValue;
  readonly operations: readonly JsonObject[];
}

/** Which fields of an object are taken over: by their position, again and again from the start. */
const choices = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });

/** Changes of an object that has these parts, half of them valid or nearly so. */
export function changeOf(
  schemas: { readonly spec: JsonSchema; readonly status: JsonSchema },
  old: { readonly spec: JsonObject; readonly status: JsonObject },
): fc.Arbitrary<Change> {
  const [spec, specPart] = [wholeOf(schemas.spec, old.spec), partOf(schemas.spec)];
  const [status, statusPart] = [wholeOf(schemas.status, old.status), partOf(schemas.status)];
  const operations = operationsOn(schemas.spec, old.spec);
  return fc.record({ spec, specPart, status, statusPart, operations });
}

/** The old value with some fields of a new one, most often spoilt. */
function wholeOf(schema: JsonSchema, old: JsonObject): fc.Arbitrary<JsonValue> {
  return fc
    .tuple(arbitraryOf(schema), choices, damages)
    .map(([made, chosen, harm]) => spoilt({ ...old, ...someOf(made, chosen) }, harm));
}

/** Some fields, for a merge patch, in which null takes a field away. */
function partOf(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  return fc
    .tuple(arbitraryOf(schema), choices, damages)
    .map(([made, chosen, harm]) => spoilt(someOf(made, chosen), harm));
}

function someOf(made: JsonValue, chosen: readonly boolean[]): JsonObject {
  const fields = Object.entries(made as JsonObject);
  return Object.fromEntries(fields.filter((_, index) => chosen[index % chosen.length]));
}

const OPERATIONS = ['add', 'replace', 'remove', 'test', 'move', 'copy'] as const;
/** Places that an object has not, or that are none. */
const STRANGE = ['/spec/unheardOf', '/spec/unheardOf/below', '/spec/0', '/nothing', 'spec', ''];
const VALUES: readonly JsonValue[] = ['text', 7, -1, true, null, [], {}, { kind: 'Other' }];

/** One to three operations on the spec; most are about places that it has. */
function operationsOn(schema: JsonSchema, old: JsonObject): fc.Arbitrary<JsonObject[]> {
  const there = pointersIn(old, '/spec');
  const one = fc.tuple(
    fc.constantFrom(...OPERATIONS),
    arbitraryOf(schema),
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom('/spec', ...there) }, fc.constantFrom(...STRANGE)),
    fc.constantFrom('/spec', ...there),
    fc.constantFrom(...VALUES),
    fc.boolean(),
  );
  return fc.array(
    one.map(([op, made, path, from, other, keeps]) => {
      const fits = valueAt(op === 'test' ? old : made, path);
      return operation(op, path, from, keeps && fits !== undefined ? fits : other);
    }),
    { minLength: 1, maxLength: 3 },
  );
}

function operation(
  op: (typeof OPERATIONS)[number],
  path: string,
  from: string,
  value: JsonValue,
): JsonObject {
  switch (op) {
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return { op, path, from };
    default:
      return { op, path, value };
  }
}

/** JSON pointers (RFC 6901) of everything below, and of where lists could grow. */
function pointersIn(value: JsonValue | undefined, at: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([key, item]) => {
    const pointer = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return [pointer, ...pointersIn(item, pointer)];
  });
  return Array.isArray(value) ? [...below, `${at}/-`, `${at}/${value.length + 1}`] : below;
}

/** What the spec has at a pointer to it; undefined when it has nothing there, or the pointer is to something else. */
function valueAt(spec: JsonValue, pointer: string): JsonValue | undefined {
  if (!pointer.startsWith('/spec')) return undefined;
  let value: JsonValue | undefined = spec;
  for (const key of pointer.split('/').slice(2)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as JsonObject)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value;
}
