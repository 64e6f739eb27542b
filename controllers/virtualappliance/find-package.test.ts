import { describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/base/object.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { anAppliance } from '../../test/builders/objects.ts';
import { packageOf } from './find-package.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const { signal } = new AbortController();
const metadata = { name: 'files', namespace: 'default', uid: 'uid-files', resourceVersion: '7' };
const appliance = anAppliance({ spec: { package: { configMap: { name: 'files' } } } });

/** A client that gets that for the ConfigMap default/files. */
function finding(answer: () => ConfigMap | undefined): Pick<KubeClient, 'find'> {
  return {
    find: async <T extends KubeObject>(_ref: unknown, name: object) => {
      expect(name).toEqual({ namespace: 'default', name: 'files' });
      return answer() as T | undefined;
    },
  };
}

const asked = finding(() => {
  throw new Error('nobody is to be asked');
});

function late(answer: () => ConfigMap | undefined) {
  const known: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  const find = (key: string) => (key === 'default/files' ? known : undefined);
  const found = packageOf(appliance, find, finding(answer)).late;
  if (found === undefined) throw new Error('it is not read');
  return found;
}

const read = (data: Partial<Pick<ConfigMap, 'data' | 'binaryData'>>, resourceVersion = '7') =>
  late(() => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, resourceVersion },
    ...data,
  })).read(signal);

describe('the package of an appliance', () => {
  const none = () => undefined;

  it('is nothing, an archive, or files', () => {
    const url = 'https://example.org/shop.tar';
    const sha256 = 'c'.repeat(64);
    expect(packageOf(anAppliance(), none, asked)).toEqual({});
    expect(packageOf(anAppliance({ spec: { package: { url, sha256 } } }), none, asked)).toEqual({
      value: { kind: 'archive', url, sha256 },
    });
    const inline = { files: { 'index.html': 'grüß dich' } };
    expect(packageOf(anAppliance({ spec: { package: { inline } } }), none, asked)).toEqual({
      value: { kind: 'files', files: { 'index.html': base64('grüß dich') } },
    });
  });

  it('has the texts and the binary entries of its ConfigMap, read when they are needed', async () => {
    const { value } = await read({ data: { 'a.txt': 'a' }, binaryData: { 'b.bin': base64('b') } });
    expect(value).toEqual({ kind: 'files', files: { 'a.txt': base64('a'), 'b.bin': base64('b') } });
  });

  it('has the version in the cache, and says which one was read', async () => {
    expect(late(none).version).toBe('uid-files/7');
    expect((await read({ data: { a: 'a' } })).version).toBe('uid-files/7');
    expect((await read({ data: { a: 'a' } }, '8')).version).toBe('uid-files/8');
  });

  it('waits for a missing ConfigMap, even when only reading it shows that', async () => {
    const missing = expect.objectContaining({ name: 'WaitingError', reason: 'ConfigMapNotFound' });
    expect(() => packageOf(appliance, none, asked)).toThrow(missing);
    await expect(late(none).read(signal)).rejects.toEqual(missing);
  });

  it('says what helps when the API server refuses it', async () => {
    const refused = late(() => {
      throw new ApiError({ status: 403, reason: 'Forbidden', message: 'you cannot get it' });
    }).read(signal);
    await expect(refused).rejects.toMatchObject({
      name: 'RetryError',
      obstacle: { reason: 'ConfigMapRefused', isStalled: false },
      message: 'you cannot get it: let the operator get it, as its chart does; it is tried again',
    });
  });

  it('is refused when it is empty, or larger than 512 KiB in all', async () => {
    await expect(read({})).rejects.toMatchObject({ name: 'StalledError', reason: 'PackageEmpty' });
    const half = 'x'.repeat(256 * 1024);
    expect(await read({ data: { a: half, b: half } })).toBeDefined();
    const tooLarge = { name: 'StalledError', reason: 'PackageTooLarge' };
    await expect(read({ data: { a: half, b: half, c: 'x' } })).rejects.toMatchObject(tooLarge);
  });
});
