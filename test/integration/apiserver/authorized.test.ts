import { expect, it } from 'vitest';
import type { Attributes } from '../../../src/apiserver/auth/types.ts';
import type { Registry } from '../../../src/apiserver/registry/registry.ts';
import type { Change } from '../../../src/apiserver/storage/store.ts';
import type { KubeObject } from '../../../src/apiserver/types.ts';
import { fc } from '../../fuzz.ts';
import { type Asked, type Outcome, RecordingServer } from './authorized.ts';
import { configMap, widget } from './world.ts';

const RUNS = 120;
const REQUESTS = 30;
const NAMES = ['a', 'b', 'x', 'mine'];

function made(apiVersion: string, kind: string, name: string, namespace?: string): KubeObject {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

const OBJECTS: readonly KubeObject[] = [
  made('v1', 'Namespace', 'a'),
  made('v1', 'Namespace', 'b'),
  made('rbac.authorization.k8s.io/v1', 'ClusterRole', 'x'),
  ...['a', 'b'].flatMap((namespace) =>
    ['x', 'mine'].flatMap((name) => [
      made('v1', 'Secret', name, namespace),
      configMap(name, {}, { namespace }) as KubeObject,
      widget(name, {}, { namespace }) as KubeObject,
    ]),
  ),
];

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
/** The served paths, and what may come after or between their segments. */
const ROOTS = {
  configmaps: '/api/v1',
  secrets: '/api/v1',
  widgets: '/apis/example.com/v1',
  namespaces: '/api/v1',
  clusterroles: '/apis/rbac.authorization.k8s.io/v1',
} as const;
const COLLECTIONS = ['configmaps', 'secrets', 'widgets', 'namespaces', 'clusterroles'] as const;
const segment = fc.oneof(
  { weight: 20, arbitrary: oneOf(...NAMES) },
  { weight: 2, arbitrary: oneOf<string>(...COLLECTIONS) },
  oneOf('status', 'scale', 'watch', 'proxy', 'finalize'),
  oneOf('', '.', '..', '%2e%2e', 'a%2Fb', '%2F', '%00', 'constructor', '__proto__'),
);
const ODD_ROOTS = ['//api/v1', '/api//v1', 'http://other/api/v1', '/api/v1/../v1', '/api', '/version'];
const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        oneOf('a', 'b', undefined),
        oneOf(...COLLECTIONS),
        fc.oneof(fc.constant([]), fc.array(segment, { maxLength: 2 })),
      )
      .map(([namespace, plural, more]) => {
        const within = namespace === undefined ? [] : ['namespaces', namespace];
        return [ROOTS[plural], ...within, plural, ...more].join('/');
      }),
  },
  fc
    .tuple(oneOf(...Object.values(ROOTS), ...ODD_ROOTS), fc.array(segment, { minLength: 1, maxLength: 6 }))
    .map(([root, segments]) => [root, ...segments].join('/')),
);
const term = fc.oneof(
  { weight: 3, arbitrary: oneOf(...NAMES).map((name) => `metadata.name=${name}`) },
  fc
    .tuple(
      oneOf('metadata.name', 'metadata.namespace', 'type'),
      oneOf('=', '==', '!='),
      oneOf(...NAMES, '', 'a\\,b', '\\'),
    )
    .map((parts) => parts.join('')),
);
const selector = fc
  .array(term, { minLength: 1, maxLength: 2 })
  .chain((terms) => oneOf(',', '\\,').map((between) => encodeURIComponent(terms.join(between))));
const parameter = fc.oneof(
  { weight: 3, arbitrary: selector.map((text) => `fieldSelector=${text}`) },
  oneOf('watch', 'watch=1', 'watch=0', 'limit=1', 'dryRun=All', 'resourceVersion=0', 'name=mine'),
  oneOf('watch=no', 'limit=x', 'labelSelector=!!', 'labelSelector=a', 'namespace=b'),
);
const body = fc.oneof(
  oneOf(undefined, '{}', '{"metadata":{"labels":{"a":"b"}}}', '{"spec":{"replicas":2}}'),
  // Without a kind: the URL says which it is.
  fc
    .record({ name: oneOf(...NAMES, 'new'), namespace: oneOf('a', 'b', undefined) })
    .map((metadata) => JSON.stringify({ metadata })),
);
const asked: fc.Arbitrary<Asked> = fc
  .record({
    method: fc.oneof(
      { weight: 8, arbitrary: oneOf('GET', 'POST', 'PUT', 'PATCH', 'DELETE') },
      oneOf('HEAD', 'OPTIONS'),
    ),
    path,
    parameters: fc.array(parameter, { maxLength: 2 }),
    body,
    type: oneOf('application/json', 'application/merge-patch+json', 'application/apply-patch+yaml'),
  })
  .map(({ path: where, parameters, ...request }) => ({
    ...request,
    target: `${where}?${parameters.join('&')}`,
  }));

/** The kinds, besides its own, in which a resource answers. */
const FORMS: ReadonlyMap<string, string> = new Map([['scale', 'Scale']]);

/** Whether the object is the one, or one of those, that the attributes are about. */
function isAbout(attributes: Attributes, kind: string, object: KubeObject, registry: Registry): boolean {
  const { group, version, resource: plural, subresource, namespace, name } = attributes;
  const resource = registry.find(group, version, plural);
  const { metadata } = object;
  // A namespace's own path counts as inside it.
  const within = kind === 'Namespace' ? metadata.name : metadata.namespace;
  return (
    resource !== undefined &&
    kind === (FORMS.get(subresource ?? '') ?? resource.kind) &&
    (namespace === undefined || namespace === within) &&
    (name === undefined || name === metadata.name)
  );
}

const READS: readonly string[] = ['get', 'list', 'watch'];
const WRITES: Readonly<Record<Change['type'], readonly string[]>> = {
  ADDED: ['create'],
  MODIFIED: ['update', 'patch', 'delete', 'deletecollection'],
  DELETED: ['delete', 'deletecollection'],
};

/** What the request showed or did without having been allowed to. */
function beyond({ attributes, shown, changes }: Outcome, registry: Registry): string[] {
  const isAllowed = (verbs: readonly string[], kind: string, object: KubeObject): boolean =>
    attributes.some(
      (one) =>
        verbs.includes(one.verb) &&
        // Only these are about objects that the URL does not name.
        (one.name !== undefined || ['list', 'watch', 'create', 'deletecollection'].includes(one.verb)) &&
        isAbout(one, kind, object, registry),
    );
  const written = changes.flatMap(({ type, current: { object } }) => {
    const scaled = { ...object, kind: 'Scale' };
    const isFine = isAllowed(WRITES[type], object.kind, object) || isAllowed(WRITES[type], 'Scale', scaled);
    return isFine ? [] : [`${type} ${object.kind} ${object.metadata.namespace}/${object.metadata.name}`];
  });
  const verbs = [...READS, ...Object.values(WRITES).flat()];
  const seen = shown.flatMap(({ kind, ...object }) =>
    isAllowed(verbs, kind, { ...object, kind } as KubeObject)
      ? []
      : [`showed ${JSON.stringify(object.metadata)}`],
  );
  return [...written, ...seen];
}

it('what a request shows and does is what its sender had to be allowed to', { timeout: 60_000 }, async () => {
  const counts = { shown: 0, changed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { minLength: REQUESTS, maxLength: REQUESTS }), async (requests) => {
      const server = await RecordingServer.start(OBJECTS);
      try {
        for (const one of requests) {
          const outcome = await server.send(one);
          expect([one, beyond(outcome, server.backend.registry)]).toEqual([one, []]);
          counts.shown += outcome.shown.length;
          counts.changed += outcome.changes.length;
        }
      } finally {
        await server.stop();
      }
    }),
    { numRuns: RUNS, endOnFailure: process.env.CI === undefined },
  );
  // The test is about requests that are carried out.
  expect(Math.min(counts.shown, counts.changed)).toBeGreaterThan(RUNS / 2);
});
