import { describe, expect, it } from 'vitest';
import { decodeProtobuf, ProtobufError } from './protobuf.ts';

/** As kubectl 1.36 sends `create configmap x --from-literal=a=b`. */
const CONFIG_MAP =
  '6b3873000a0f0a0276311209436f6e6669674d6170121b0a110a0178120 01a0022002a0032003800420012060a01611201621a002200'.replace(
    ' ',
    '',
  );

/** Writes one field of wire type 2. */
function field(number: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function message(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const type = Buffer.concat([field(1, apiVersion), field(2, kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, Buffer.concat(fields))]);
}

describe('decodeProtobuf', () => {
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
    ['a kind it does not know', message('v1', 'Pod', field(1, ''))],
  ])('refuses %s', (_, body) => {
    expect(() => decodeProtobuf(body)).toThrow(ProtobufError);
  });
});
