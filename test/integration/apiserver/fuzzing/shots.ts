/** Requests by chance: most are nearly right, so that they get far. */

import { dump } from 'js-yaml';
import { openEnvelope } from '../../../../src/apiserver/codec/protobuf.ts';
import { encodeProtobuf } from '../../../../src/apiserver/codec/protobuf-encode.ts';
import { bytesField, ProtobufError, varintField } from '../../../../src/apiserver/codec/protobuf-wire.ts';
import type { JsonObject, JsonValue } from '../../../../src/base/json.ts';
import { setOwn } from '../../../../src/base/own.ts';
import { fc } from '../../../fuzz.ts';
import type { Shot } from './client.ts';
import { SAMPLES, type Sample } from './objects.ts';

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const TEXTS = [
  '',
  ' ',
  'a',
  'b',
  'default',
  'null',
  '0',
  '-1',
  '1e400',
  '99999999999999999999',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59.999999999+23:59',
  '+275760-09-14T00:00:00Z',
  '2026-02-30T25:61:61Z',
  'not base64!',
  'AQI',
  '{"f:a"',
  '{"f:a":{}}',
  'x'.repeat(300),
  '\u0000',
  '\ud800',
  'é😀',
  '../..',
  'a/b/c',
  '$(x)',
  '[',
  '(a+)+$',
  '.spec["',
  'self.',
  'constructor',
  '__proto__',
  'toString',
] as const;

const oddText = oneOf<string>(...TEXTS);
const oddValue: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: oneOf<JsonValue>(null, '', 0, false, true, -1, 1.5, 2 ** 31, 2 ** 53, 1e308, -0) },
  { weight: 2, arbitrary: oneOf<JsonValue>([], {}, [null], [[]], [{}], { '': null }, [{}, {}]) },
  { weight: 3, arbitrary: oddText },
  fc.array(oddText, { maxLength: 3 }),
  fc.dictionary(oddText, oddText, { maxKeys: 3 }),
  fc.dictionary(oddText, oneOf<JsonValue>(null, {}, [], 1), { maxKeys: 2 }),
);

/** One change: at the field of that number, counted round. */
type Change = readonly [at: number, what: 'set' | 'drop' | 'add', name: string, value: JsonValue];
const change: fc.Arbitrary<Change> = fc.tuple(
  fc.nat(200),
  fc.oneof({ weight: 4, arbitrary: oneOf('set' as const) }, oneOf('drop' as const, 'add' as const)),
  oddText,
  oddValue,
);

type Slot = { readonly holder: JsonObject | JsonValue[]; readonly key: string | number };

function slotsOf(value: JsonValue | undefined): Slot[] {
  if (typeof value !== 'object' || value === null) return [];
  const own: Slot[] = Array.isArray(value)
    ? value.map((_, key) => ({ holder: value, key }))
    : Object.keys(value).map((key) => ({ holder: value, key }));
  return own.flatMap((slot) => [slot, ...slotsOf(Reflect.get(slot.holder, slot.key) as JsonValue)]);
}

function changed(object: JsonObject, changes: readonly Change[]): JsonObject {
  const copy = structuredClone(object);
  for (const [at, what, name, value] of changes) {
    const slots = slotsOf(copy);
    const slot = slots[at % Math.max(slots.length, 1)];
    if (slot === undefined) continue;
    const { holder, key } = slot;
    if (what === 'set') Reflect.set(holder, key, structuredClone(value));
    else if (what === 'drop' && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (what === 'drop') Reflect.deleteProperty(holder, key);
    else if (!Array.isArray(holder)) setOwn(holder, name, structuredClone(value));
  }
  return copy;
}

/** The object so large that another thread of the server reads it. */
function enlarged(object: JsonObject): JsonObject {
  return {
    ...object,
    metadata: { ...(object.metadata as JsonObject), annotations: { large: 'x'.repeat(40_000) } },
  };
}

const pointer = fc.array(
  oneOf(
    'metadata',
    'spec',
    'data',
    'labels',
    'name',
    'finalizers',
    '-',
    '0',
    '-1',
    '~0',
    '~',
    '',
    '__proto__',
  ),
  { maxLength: 4 },
);
const operation = fc.record(
  {
    op: oneOf<JsonValue>('add', 'remove', 'replace', 'move', 'copy', 'test', 'x', null, 1),
    path: fc.oneof(
      pointer.map((parts) => parts.map((part) => `/${part}`).join('')),
      oddText,
    ),
    from: pointer.map((parts) => parts.map((part) => `/${part}`).join('')),
    value: oddValue,
  },
  { requiredKeys: [] },
);

/** A message of protobuf's wire format, whole or nearly so. */
const { message } = fc.letrec<{ message: Uint8Array; field: Uint8Array }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.tuple(fc.integer({ min: 0, max: 12 }), fc.nat(127)).map(([n, v]) => Uint8Array.of((n << 3) & 127, v)),
    fc
      .tuple(fc.integer({ min: 0, max: 12 }), fc.oneof(tie('message'), fc.uint8Array({ maxLength: 12 })))
      .map(([n, bytes]) => Uint8Array.of(((n << 3) | 2) & 127, bytes.length & 127, ...bytes)),
    fc.uint8Array({ maxLength: 5 }),
  ),
  message: fc
    .array(tie('field'), { maxLength: 5 })
    .map((fields) => Uint8Array.from(fields.flatMap((f) => [...f]))),
}));

function lengthDelimited(number: number, bytes: Uint8Array): number[] {
  return [(number << 3) | 2, (bytes.length & 127) | 128, bytes.length >> 7, ...bytes];
}

/** The message in the envelope in which Kubernetes sends it. */
function enveloped({ apiVersion, kind }: JsonObject, raw: Uint8Array): Uint8Array {
  const text = (value: JsonValue | undefined) => Buffer.from(String(value));
  const type = Uint8Array.from([...lengthDelimited(1, text(apiVersion)), ...lengthDelimited(2, text(kind))]);
  return Uint8Array.from([0x6b, 0x38, 0x73, 0, ...lengthDelimited(1, type), ...lengthDelimited(2, raw)]);
}

const SECONDS = [
  0n,
  1n,
  -1n,
  253402300799n,
  253402300800n,
  -62135596800n,
  -62135596801n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const NANOS = [0n, 1n, -1n, 999_999_999n, 1_000_000_000n, 2n ** 31n - 1n, -(2n ** 31n)];

/** Times in and out of range as fields that some kinds have them in: those of metadata, of a spec, and of an event. */
const oddTimes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.record({
      at: oneOf<readonly number[]>(
        [1, 8],
        [1, 9],
        [1, 17, 4],
        [2, 3],
        [2, 4],
        [6],
        [7],
        [10],
        [2],
        [11, 2],
        [13],
        [14],
      ),
      seconds: oneOf(...SECONDS),
      nanos: oneOf(...NANOS),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((times) =>
    Buffer.concat(
      times.map(({ at, seconds, nanos }) =>
        at.reduceRight<Buffer>(
          (content, number) => bytesField(number, content),
          Buffer.concat([varintField(1, seconds), varintField(2, nanos)]),
        ),
      ),
    ),
  );

/** The sample's own message; nothing for a custom resource, which has none. */
function rawOf({ object }: Sample): Uint8Array {
  try {
    return openEnvelope(encodeProtobuf(object), { apiVersion: '', kind: '' }).raw;
  } catch (error) {
    if (error instanceof ProtobufError) return new Uint8Array();
    throw error;
  }
}

interface Load {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value) ?? '');

function yamlOf(value: unknown): Uint8Array {
  return Buffer.from(dump(value, { skipInvalid: true }));
}

/** The bodies with which a sample is written, patched, and those that are neither. */
function loads(sample: Sample): Record<'whole' | 'patch' | 'other', fc.Arbitrary<Load>> {
  const odd = fc
    .tuple(fc.array(change, { maxLength: 3 }), fc.integer({ min: 0, max: 15 }))
    .map(([changes, size]) => changed(size === 0 ? enlarged(sample.object) : sample.object, changes));
  const part = odd.chain((object) =>
    fc
      .subarray(Object.keys(object))
      .map((names) => Object.fromEntries(names.map((name) => [name, object[name]]))),
  );
  const typed = (type: string, made: fc.Arbitrary<Uint8Array>) => made.map((bytes) => ({ type, bytes }));
  const own = rawOf(sample);
  const protobuf = fc
    .oneof(
      message,
      oddTimes.map((times) => Buffer.concat([own, times])),
    )
    .map((raw) => enveloped(sample.object, raw));
  return {
    whole: fc.oneof(
      { weight: 6, arbitrary: typed('application/json', odd.map(bytesOf)) },
      { weight: 2, arbitrary: typed('application/yaml', odd.map(yamlOf)) },
      { weight: 2, arbitrary: typed('application/vnd.kubernetes.protobuf', protobuf) },
    ),
    patch: fc.oneof(
      { weight: 3, arbitrary: typed('application/merge-patch+json', part.map(bytesOf)) },
      { weight: 3, arbitrary: typed('application/strategic-merge-patch+json', part.map(bytesOf)) },
      { weight: 4, arbitrary: typed('application/apply-patch+yaml', odd.map(bytesOf)) },
      typed('application/apply-patch+yaml', odd.map(yamlOf)),
      {
        weight: 2,
        arbitrary: typed('application/json-patch+json', fc.array(operation, { maxLength: 4 }).map(bytesOf)),
      },
    ),
    other: fc.oneof(
      typed('application/vnd.kubernetes.protobuf', fc.uint8Array({ maxLength: 40 })),
      fc.record({
        type: oneOf(
          '',
          'text/plain',
          'application/json;charset=x',
          'application/yaml',
          'application/cbor',
          'x/__proto__',
        ),
        bytes: fc.oneof(
          oddValue.map(bytesOf),
          oddText.map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 30 }),
        ),
      }),
    ),
  };
}

/** A body cut off, or with one byte that is another. */
const broken = fc.option(fc.record({ at: fc.nat(400), byte: fc.option(fc.nat(255)) }), { freq: 8 });

function breaking({ type, bytes }: Load, how: { at: number; byte: number | null } | null): Load {
  if (how === null || bytes.length === 0) return { type, bytes };
  const copy = Uint8Array.from(bytes);
  const at = how.at % bytes.length;
  if (how.byte === null) return { type, bytes: copy.slice(0, at) };
  copy[at] = how.byte;
  return { type, bytes: copy };
}

const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString());
const OPTIONS: readonly (readonly [name: string, ...values: string[]])[] = [
  ['dryRun', 'All', 'None'],
  ['fieldManager', 'm'],
  ['fieldValidation', 'Strict', 'Ignore', 'Warn'],
  ['force', 'true'],
  ['resourceVersion', '0', '1', '99999999', '18446744073709551616'],
  ['resourceVersionMatch', 'Exact', 'NotOlderThan'],
  ['limit', '1', '-1', '9223372036854775808'],
  ['continue', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0', 'e30'],
  ['watch', '1', 'false'],
  ['sendInitialEvents', 'true'],
  ['allowWatchBookmarks', 'true'],
  ['timeoutSeconds', '1', '99999999999999999999'],
  ['labelSelector', 'l=v', 'l in (v,', '!l', 'l>1', 'a,,b', 'l=v,'],
  ['fieldSelector', 'metadata.name=a', 'metadata.name!=a,', 'x=\\', 'type=a'],
  ['propagationPolicy', 'Orphan', 'Foreground', 'Background'],
  ['orphanDependents', 'true'],
  ['gracePeriodSeconds', '0', '-1'],
  ['pretty', 'true'],
  ['timeout', '1s', 'x'],
];
const parameter = fc.oneof(
  {
    weight: 6,
    arbitrary: oneOf(...OPTIONS).chain(([name, ...values]) =>
      fc
        .oneof({ weight: 3, arbitrary: oneOf<string>(...values) }, oddText)
        .map((value) => `${name}=${encoded(value)}`),
    ),
  },
  oneOf('', '=', '%', '%zz=%zz', 'a=b=c', ';', 'watch', '&&', '%00=%00'),
);

const SUFFIXES = ['/status', '/status', '/scale', '/finalize', '/x', '/', '//', '/status/x'] as const;
const ODD_TARGETS = [
  '//',
  '///',
  '/',
  '/?',
  '//api/v1/namespaces',
  '/api/v1/namespaces//configmaps',
  '/%',
  '/%2e%2e/api',
  '/api/v1/%00',
  'http://[/api',
  'http:///api/v1/namespaces',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/x?hash=',
  '/openapi/v3/apis/example.com/v1',
  '/version/',
  '/healthz/x',
  '/api',
  '/apis',
  '/apis/example.com',
  '/apis//v1/x',
  '/apis/constructor/__proto__/toString',
  '/metrics',
  `/${'a/'.repeat(500)}`,
  `/api/v1/${'/'.repeat(15_000)}x`,
] as const;

const ofCollection = oneOf('', '', '', '/');
const ofObject = ({ object }: Sample) =>
  fc
    .tuple(
      fc.oneof(
        { weight: 12, arbitrary: oneOf(`/${(object.metadata as JsonObject).name}`) },
        oneOf('/b', '/default', '/%00', '/__proto__'),
      ),
      fc.oneof({ weight: 3, arbitrary: oneOf('') }, oneOf(...SUFFIXES)),
    )
    .map((parts) => parts.join(''));
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.array(parameter, { maxLength: 3 }).map((all) => `?${all.join('&')}`) },
);

const ACCEPTS = [
  '',
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io',
  '*/*;q=0',
  ',;,=;;',
  'application/json;as',
  'constructor',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
] as const;
const headers = fc
  .record(
    {
      Accept: oneOf(...ACCEPTS),
      'User-Agent': oneOf('', '/', 'kubectl/1', 'x'.repeat(300)),
      'If-None-Match': oneOf('*', '"x"', ''),
      Authorization: oneOf('Bearer', 'Bearer ', 'Basic x', ''),
      'Impersonate-User': oneOf('', 'u', 'system:serviceaccount:a:b', 'system:serviceaccount::'),
      'Impersonate-Group': oneOf<string | string[]>('', 'g', ['g', 'h']),
      'Impersonate-Extra-%zz': oneOf('x', ''),
      'Accept-Encoding': oneOf('gzip', 'x'),
    },
    { requiredKeys: [] },
  )
  // Each makes most requests end early.
  .chain((all) => {
    const entries = Object.entries(all);
    const some = fc.subarray(entries, { maxLength: Math.min(2, entries.length) });
    return some.map((chosen) => Object.fromEntries(chosen));
  });

/** Whether the request would take away the kinds that the others are about. */
function endsKinds({ method, target }: Shot): boolean {
  return method === 'DELETE' && target.includes('customresourcedefinitions') && !target.includes('fuzzes');
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;
type Aimed = Pick<Shot, 'method' | 'target'> & { readonly load: Load | undefined };

/** Requests for a sample, as a client would send them but for what is in them. */
function aimed(sample: Sample): fc.Arbitrary<Aimed> {
  const { whole, patch, other } = loads(sample);
  const nothing = fc.constant(undefined);
  const named = ofObject(sample);
  const options = fc.oneof(
    nothing,
    fc.dictionary(oneOf(...DELETE_OPTIONS), oddValue, { maxKeys: 3 }).map(optionsLoad),
  );
  const to = (method: string, where: fc.Arbitrary<string>, load: fc.Arbitrary<Load | undefined>) =>
    fc.tuple(where, query, load).map(([rest, parameters, body]) => ({
      method,
      target: `${sample.path}${rest}${parameters}`,
      load: body,
    }));
  const anywhere = fc
    .tuple(
      oneOf(...METHODS),
      fc.oneof(
        fc.tuple(named, query).map(([rest, q]) => `${sample.path}${rest}${q}`),
        oneOf(...ODD_TARGETS),
      ),
      fc.oneof(whole, patch, other, nothing),
    )
    .map(([method, target, load]) => ({ method, target, load }));
  return fc.oneof(
    { weight: 6, arbitrary: to('POST', ofCollection, whole) },
    { weight: 5, arbitrary: to('PUT', named, whole) },
    { weight: 10, arbitrary: to('PATCH', named, patch) },
    { weight: 4, arbitrary: to('GET', fc.oneof(named, ofCollection), nothing) },
    { weight: 1, arbitrary: to('DELETE', fc.oneof(named, ofCollection), options) },
    { weight: 4, arbitrary: anywhere },
  );
}

const DELETE_OPTIONS = [
  'kind',
  'preconditions',
  'propagationPolicy',
  'orphanDependents',
  'dryRun',
  'gracePeriodSeconds',
] as const;

function optionsLoad(options: Record<string, JsonValue>): Load {
  return { type: 'application/json', bytes: bytesOf(options) };
}

/** A request by chance. */
export const shot: fc.Arbitrary<Shot> = oneOf(...SAMPLES)
  .chain((sample) =>
    fc.record({
      aim: aimed(sample),
      headers: fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, headers),
      broken,
    }),
  )
  .map(({ aim: { load, ...asked }, headers: more, broken: how }): Shot => {
    const { type = '', bytes } = load === undefined ? {} : breaking(load, how);
    const content: Record<string, string> = type === '' ? {} : { 'Content-Type': type };
    return { ...asked, headers: { ...content, ...more }, body: bytes };
  })
  .filter((made) => !endsKinds(made));
