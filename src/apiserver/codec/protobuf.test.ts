import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import type { JsonObject } from '../types.ts';
import { decodeEnvelope, openEnvelope } from './protobuf.ts';
import { encodeProtobuf } from './protobuf-encode.ts';
import { bytesField, ProtobufError, varintField } from './protobuf-wire.ts';

/** As kubectl 1.36 sends `create configmap x --from-literal=a=b`. */
const CONFIG_MAP =
  '6b3873000a0f0a0276311209436f6e6669674d6170121b0a110a0178120 01a0022002a0032003800420012060a01611201621a002200'.replace(
    ' ',
    '',
  );

const SCHEMA: JsonObject = {
  type: 'object',
  default: { a: null },
  maximum: 1.5,
  minLength: 0,
  enum: ['a', 7, null],
  $ref: '#/x',
  items: { type: 'string' },
  properties: { __proto: { additionalProperties: false }, b: { additionalProperties: { type: 'string' } } },
  dependencies: { a: ['b'], c: { type: 'object' } },
  allOf: [{ items: [{ type: 'string' }, {}] }],
  'x-kubernetes-validations': [{ rule: 'true', optionalOldSelf: false }],
};

const DEFINITION: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.example.com', creationTimestamp: '2030-01-02T03:04:05Z', generation: -1 },
  spec: {
    group: 'example.com',
    names: { plural: 'things', kind: 'Thing', shortNames: ['th'] },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: false, schema: { openAPIV3Schema: SCHEMA } }],
    conversion: { strategy: 'Webhook', webhook: { clientConfig: { caBundle: 'AP8=' } } },
  },
  status: { acceptedNames: { plural: '', kind: '' } },
};

const REVIEW: JsonObject = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  metadata: {},
  spec: {
    user: 'ann',
    extra: { scopes: ['a', 'b'], none: [] },
    resourceAttributes: {
      verb: 'list',
      fieldSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b'] }] },
      labelSelector: { rawSelector: 'a=b' },
    },
  },
  status: { allowed: true },
};

const EVENTS: JsonObject = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'EventList',
  metadata: { resourceVersion: '7', remainingItemCount: 3 },
  items: [
    {
      metadata: { name: 'e' },
      eventTime: '2030-01-02T03:04:05.000006Z',
      regarding: {},
      deprecatedSource: {},
    },
  ],
};

/** Writes one field of wire type 2. */
function field(number: number, payload: Buffer | string): Buffer {
  return bytesField(number, Buffer.from(payload));
}

function created(seconds: bigint): Buffer {
  return field(8, varintField(1, seconds));
}

function fieldsV1(text: string): Buffer {
  return message('v1', 'ConfigMap', field(1, field(17, field(7, field(1, text)))));
}

function message(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const type = Buffer.concat([field(1, apiVersion), field(2, kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, Buffer.concat(fields))]);
}

function decodeProtobuf(body: Buffer): JsonObject {
  return decodeEnvelope(openEnvelope(body, { apiVersion: 'v1', kind: 'ConfigMap' }));
}

describe('protobuf', () => {
  it('reads what kubectl sends, and leaves out what is not set', () => {
    expect(decodeProtobuf(Buffer.from(CONFIG_MAP, 'hex'))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
      data: { a: 'b' },
    });
  });

  it('reads lists, maps, bytes and times', () => {
    const metadata = Buffer.concat([
      field(1, 'l'),
      field(14, 'one'),
      field(14, 'two'),
      field(11, Buffer.concat([field(1, 'k'), field(2, '')])),
    ]);
    const renewTime = Buffer.from([0x08, 0x80, 0xa3, 0x05, 0x10, 0xc0, 0x84, 0x3d]);
    const spec = Buffer.concat([field(1, 'me'), Buffer.from([0x10, 15, 0x28, 0]), field(4, renewTime)]);
    expect(
      decodeProtobuf(message('coordination.k8s.io/v1', 'Lease', field(1, metadata), field(2, spec))),
    ).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'l', finalizers: ['one', 'two'], labels: { k: '' } },
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        leaseTransitions: 0,
        renewTime: '1970-01-02T00:00:00.001000Z',
      },
    });
    const secret = decodeProtobuf(
      message('v1', 'Secret', field(2, Buffer.concat([field(1, 'k'), field(2, Buffer.from([0, 255]))]))),
    );
    expect(secret.data).toEqual({ k: 'AP8=' });
  });

  it.each([
    ['something else', Buffer.from('{"a":1}')],
    ['a body that breaks off', Buffer.from(CONFIG_MAP, 'hex').subarray(0, 30)],
    ['an empty body', Buffer.alloc(0)],
    ['a kind it does not know', message('v1', 'Pod', field(1, ''))],
    ['a kind that is an inherited property', message('v1', 'constructor', field(1, ''))],
    ['text that is no JSON where JSON belongs', fieldsV1('{')],
    [
      'a time in a year that JSON does not have',
      message('v1', 'ConfigMap', field(1, created(253402300800n))),
    ],
  ])('refuses %s', (_, body) => {
    expect(() => decodeProtobuf(body)).toThrow(ProtobufError);
  });

  it.each([
    ['in place of a text', Buffer.from([0x08, 1]), 'proto: wrong wireType = 0 for field Name'],
    ['in place of a number', field(7, ''), 'proto: wrong wireType = 2 for field Generation'],
    ['that ends a group', Buffer.from([0x0c]), 'proto: ObjectMeta: wiretype end group for non-group'],
    ['without a number', Buffer.from([0x00]), 'proto: ObjectMeta: illegal tag 0 (wire type 0)'],
    ['with a length below zero', Buffer.from([0x0a, ...Array(9).fill(0xff), 1]), 'proto: negative length'],
  ])('refuses a field %s', (_, metadata, why) => {
    expect(() => decodeProtobuf(message('v1', 'ConfigMap', field(1, metadata)))).toThrow(why);
  });

  it('passes over fields that it does not know, groups of groups among them', () => {
    const groups = Buffer.alloc(100_000, Buffer.from([0xa3, 0x06]));
    const balanced = Buffer.from([0xa3, 0x06, 0xa3, 0x06, 0xa4, 0x06, 0xa4, 0x06]);
    expect(() => decodeProtobuf(message('v1', 'ConfigMap', groups))).toThrow(ProtobufError);
    expect(decodeEnvelope({ apiVersion: 'v1', kind: 'ConfigMap', raw: balanced }).data).toBeUndefined();
  });

  it('refuses schemas in schemas without end', () => {
    let schema: Buffer = field(4, 'deep');
    for (let depth = 0; depth < 20_000; depth++) schema = field(28, schema);
    const version = field(4, field(1, schema));
    const body = message('apiextensions.k8s.io/v1', 'CustomResourceDefinition', field(2, field(7, version)));
    expect(() => decodeProtobuf(body)).toThrow('exceeded max depth');
  });

  it('writes what Go writes, byte by byte', () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'b' } };
    expect(encodeProtobuf(configMap).toString('hex')).toBe(CONFIG_MAP);
  });

  it.each([DEFINITION, REVIEW, EVENTS])('reads again what it writes: $kind', (object) => {
    expect(decodeProtobuf(encodeProtobuf(object))).toEqual(object);
  });

  it('refuses what it cannot read, whatever is wrong with it', () => {
    const bodies = [DEFINITION, REVIEW, EVENTS].map(encodeProtobuf);
    const body = fc.constantFrom(...bodies);
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(body, changes, fc.nat(), (whole, replaced, cut) => {
        const broken = Buffer.from(cut % 4 === 0 ? whole.subarray(0, cut % whole.length) : whole);
        for (const [at, byte] of replaced)
          if (broken.length > 4) broken[4 + (at % (broken.length - 4))] = byte;
        try {
          encodeProtobuf(decodeProtobuf(broken));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
