import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/api/kinds.ts';
import { controllerReference, type KubeObject, keyOf } from '../../src/base/object.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { aDeployment, aService } from '../../test/builders/objects.ts';
import { type Revision, Revisions } from './revisions.ts';

const task = aDeployment({ spec: { services: [aService({ package: { configMap: { name: 'files' } } })] } });
const { signal } = new AbortController();

function configMap(
  name: string,
  data: Record<string, string>,
  change: Partial<ConfigMap['metadata']> = {},
): ConfigMap {
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', ...change };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

describe('the contents that a task keeps', () => {
  let server: Map<string, ConfigMap>;
  let cache: Map<string, KubeObject>;
  let calls: string[];
  let refused: string | undefined;
  let revisions: Revisions;

  beforeEach(() => {
    server = new Map();
    cache = new Map();
    calls = [];
    refused = undefined;
    const call = (what: string) => {
      calls.push(what);
      if (refused !== undefined && what.startsWith(refused))
        throw new ApiError({ status: 403, reason: 'Forbidden', message: `${what} is forbidden` });
    };
    revisions = new Revisions({
      client: {
        find: async <T>(_ref: unknown, name: { namespace?: string; name: string }) => {
          call(`get ${name.name}`);
          return server.get(keyOf(name)) as T | undefined;
        },
        create: async (_ref, object) => {
          call(`create ${object.metadata.name}`);
          if (server.has(keyOf(object)))
            throw new ApiError({ status: 409, reason: 'AlreadyExists', message: 'it exists' });
          server.set(keyOf(object), object as ConfigMap);
          return object;
        },
        delete: async (_ref, { name }) => call(`delete ${name}`),
      },
      configMaps: {
        get: (key) => cache.get(key),
        byIndex: () => [...cache.values()].filter(({ metadata }) => metadata.ownerReferences !== undefined),
      },
    });
  });

  /** On the server, and seen by the cache. */
  function put(object: ConfigMap): void {
    server.set(keyOf(object), object);
    cache.set(keyOf(object), { ...object, metadata: object.metadata });
  }
  async function revision(): Promise<Revision | undefined> {
    return (await revisions.of(task, signal)).get('files');
  }
  const reasonOf = (found: Revision | undefined) =>
    found !== undefined && 'obstacle' in found ? found.obstacle.reason : found?.name;

  it('are read once for each version, and written once for each content', async () => {
    put(configMap('files', { a: 'one' }));
    const name = reasonOf(await revision()) ?? '';
    expect(name).toMatch(/^shop-[0-9a-f]{16}$/);
    expect(calls).toEqual(['get files', `create ${name}`]);
    cache.set(`default/${name}`, server.get(`default/${name}`) as KubeObject);
    await revision();
    expect(calls).toHaveLength(2);
    put(configMap('files', { a: 'one' }, { resourceVersion: '2', labels: { edited: 'yes' } }));
    expect(reasonOf(await revision())).toBe(name);
    put(configMap('files', { a: 'two' }, { resourceVersion: '3' }));
    expect(reasonOf(await revision())).not.toBe(name);
  });

  it('are the same for texts and for binary entries, in any order', async () => {
    put(configMap('files', { a: 'one', b: 'two' }));
    const name = reasonOf(await revision());
    put({
      ...configMap('files', { b: 'two' }, { resourceVersion: '2' }),
      binaryData: { a: Buffer.from('one').toString('base64') },
    });
    expect(reasonOf(await revision())).toBe(name);
  });

  it('are written again when somebody deletes them', async () => {
    put(configMap('files', { a: 'one' }));
    const name = reasonOf(await revision());
    server.delete(`default/${name}`);
    expect(reasonOf(await revision())).toBe(name);
    expect(server.has(`default/${name}`)).toBe(true);
  });

  it.each<[string, (name: string) => ConfigMap]>([
    ['belongs to nobody', (name) => ({ ...configMap(name, { a: 'one' }), immutable: true })],
    [
      'has other content',
      (name) => ({
        ...configMap(name, { a: 'other' }, { ownerReferences: [controllerReference(task)] }),
        immutable: true,
      }),
    ],
    [
      'can be changed',
      (name) => configMap(name, { a: 'one' }, { ownerReferences: [controllerReference(task)] }),
    ],
  ])('are not looked for in a ConfigMap that %s', async (_, other) => {
    put(configMap('files', { a: 'one' }));
    const name = reasonOf(await revision()) ?? '';
    server.set(`default/${name}`, other(name));
    expect(reasonOf(await revision())).toBe('RevisionConflict');
  });

  it('are missing, with the reason, where there is nothing to keep, or no permission', async () => {
    expect(reasonOf(await revision())).toBe('ConfigMapNotFound');
    put(configMap('files', {}));
    expect(reasonOf(await revision())).toBe('PackageEmpty');
    put(configMap('files', { a: 'one' }, { resourceVersion: '2' }));
    refused = 'create';
    expect(reasonOf(await revision())).toBe('Refused');
    refused = 'get';
    expect(reasonOf(await revision())).toBe('ConfigMapRefused');
    refused = undefined;
    expect(reasonOf(await revision())).toMatch(/^shop-/);
  });

  it('are deleted once nobody has them', async () => {
    const owned = { ownerReferences: [controllerReference(task)] };
    for (const name of ['shop-1', 'shop-2']) put(configMap(name, { a: name }, owned));
    put(configMap('shop-3', { a: '3' }, { ...owned, deletionTimestamp: '2026-01-01T00:00:00Z' }));
    put(configMap('files', { a: 'one' }));
    await revisions.deleteOthers(task, new Set(['shop-2']), signal);
    expect(calls).toEqual(['delete shop-1']);
  });
});
