import {
  apply,
  type Case,
  get,
  JSON_PATCH,
  merge,
  part,
  patch,
  post,
  put,
  remove,
  STRATEGIC_PATCH,
  story,
  until,
  untilGone,
} from './case.ts';

const OURS = '/apis/coppice.dev/v1alpha1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** One of our kinds: a valid object, a change of its spec that is valid, and a status. */
interface Sample {
  readonly plural: string;
  readonly kind: string;
  readonly isClusterScoped?: boolean;
  /** Without it the objects of a kind that is cluster-scoped are called as the case's namespace, others `one`. */
  readonly name?: string;
  readonly spec: object;
  readonly change: object;
  readonly status: object;
}

const condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Tested',
  message: 'all is well',
  lastTransitionTime: '2030-01-01T00:00:00Z',
};
const status = { observedGeneration: 1, conditions: [condition] };

const SAMPLES: readonly Sample[] = [
  {
    plural: 'hosts',
    kind: 'Host',
    isClusterScoped: true,
    spec: { address: 'https://10.0.0.5:7443', thresholds: { cpu: 0.8 } },
    change: { unschedulable: true, thresholds: { memory: 0.5 } },
    status: { ...status, driver: { name: 'qemu', capabilities: ['b', 'a'] }, capacity: { cpu: '8' } },
  },
  {
    plural: 'ippools',
    kind: 'IPPool',
    spec: {
      ranges: [{ start: '10.0.0.10', end: '10.0.0.20' }],
      prefix: 24,
      reservations: [{ address: '10.0.0.11', appliance: 'a' }],
      exclusions: ['10.0.0.12'],
    },
    change: { gateway: '10.0.0.1', dns: ['10.0.0.2'] },
    status: { ...status, total: 11, used: 1, free: 10 },
  },
  {
    plural: 'ipleases',
    kind: 'IPLease',
    isClusterScoped: true,
    name: 'fd00-0000-0000-0000-0000-0000-0000-{four}',
    spec: {
      address: 'fd00::{n}',
      pool: { namespace: '{ns}', name: 'pool' },
      appliance: { namespace: '{ns}', name: 'a', uid: '5e0ab0a5-0001-4c3f-9d6a-0d2b1f3c4e5f' },
      hostName: 'host-a',
    },
    change: { hostName: 'host-b' },
    status,
  },
  {
    plural: 'templates',
    kind: 'Template',
    spec: {
      source: { image: { url: 'https://example.com/a.img', sha256: 'a'.repeat(64) } },
      container: { type: 'static-site' },
    },
    change: { sharing: { scope: 'Cluster' } },
    status: { ...status, hostsReady: 1 },
  },
  {
    plural: 'virtualappliances',
    kind: 'VirtualAppliance',
    spec: { template: { name: 'debian' }, resources: { cpu: '100m', memory: '128Mi' } },
    change: { hostName: 'host-a', timeouts: { agentSeconds: 30 } },
    status: { ...status, serviceState: 'VMReady', vm: { state: 'Running', pid: 7 } },
  },
  {
    plural: 'servicedeployments',
    kind: 'ServiceDeployment',
    spec: {
      services: [
        {
          name: 'web',
          template: { name: 'debian' },
          package: { inline: { files: { 'index.html': 'hello' } } },
        },
      ],
    },
    change: { replicas: 3 },
    status: { ...status, replicas: 1, readyReplicas: 1, wantedReplicas: 1 },
  },
  {
    plural: 'templatelabels',
    kind: 'TemplateLabel',
    spec: { title: 'Blessed', owner: 'ann', templates: ['debian'] },
    change: { visibility: 'Cluster', description: 'what works' },
    status: { ...status, templates: 1, followers: 1 },
  },
  {
    plural: 'templatefollows',
    kind: 'TemplateFollow',
    spec: { user: 'bea', labels: ['default/blessed'] },
    change: { labels: ['default/blessed', 'images/base'] },
    status: { ...status, labels: 1 },
  },
];

function casesOf(sample: Sample): Case[] {
  const { plural, kind, isClusterScoped, spec, change } = sample;
  // A cluster-scoped object needs a name that no other case uses.
  const { name = isClusterScoped ? '{ns}' : 'one' } = sample;
  const all = isClusterScoped ? `${OURS}/${plural}` : `${OURS}/namespaces/{ns}/${plural}`;
  const one = `${all}/${name}`;
  const object = (fields: object = {}, metadata: object = {}): object => ({
    apiVersion: 'coppice.dev/v1alpha1',
    kind,
    metadata: { name, ...metadata },
    spec,
    ...fields,
  });
  const operations = Object.entries(change).map(([field, value]) => ({
    op: 'add',
    path: `/spec/${field}`,
    value,
  }));
  const row = `${one}?includeObject=None`;
  return [
    story(`${kind}: created, read and listed`, post(all, object()), get(one), part(all, count)),
    story(
      `${kind}: with unknown fields, strictly`,
      post(`${all}?fieldValidation=Strict`, object({ odd: 1, spec: { ...spec, odd: 1 } })),
    ),
    story(`${kind}: without a spec`, post(all, object({ spec: undefined })), post(all, object({ spec: {} }))),
    story(`${kind}: with everything of the wrong type`, post(all, object({ spec: wrong(spec) }))),
    story(
      `${kind}: replaced`,
      post(all, object()),
      put(one, object({ spec: { ...spec, ...change } }, { resourceVersion: '{rv}' })),
      put(one, object({}, { resourceVersion: '1' })),
    ),
    story(
      `${kind}: merge patched`,
      post(all, object()),
      merge(one, { spec: change, metadata: { labels: { a: 'b' } } }),
      merge(one, { spec: nulls(change) }),
    ),
    story(`${kind}: JSON patched`, post(all, object()), patch(JSON_PATCH, one, operations)),
    story(
      `${kind}: strategically patched`,
      post(all, object()),
      patch(STRATEGIC_PATCH, one, { spec: change }),
    ),
    story(
      `${kind}: applied by two`,
      apply(one, 'git', object()),
      apply(one, 'coppice', object({ spec: change })),
      apply(one, 'git', object({ spec: { ...spec, ...change } })),
      apply(one, 'git', object(), '&force=true'),
    ),
    story(`${kind}: applied in a dry run`, apply(one, 'git', object(), '&dryRun=All'), get(one)),
    story(
      `${kind}: status apart from the spec`,
      post(all, object({ status: sample.status })),
      apply(`${one}/status`, 'coppice', object({ spec: undefined, status: sample.status })),
      merge(`${one}/status`, { spec: change, status: { observedGeneration: 2 } }),
      apply(`${one}/status`, 'coppice', object({ spec: undefined, status: { observedGeneration: 3 } })),
      get(row, TABLE),
    ),
    story(
      `${kind}: a status that breaks rules`,
      post(all, object()),
      merge(`${one}/status`, {
        status: {
          observedGeneration: -1,
          conditions: [{ type: 'x' }, { ...condition, status: 'Maybe', reason: 'two words' }],
        },
      }),
    ),
    story(
      `${kind}: deleted when its finalizer lets go`,
      post(all, object({}, { finalizers: ['coppice.dev/test'] })),
      remove(one),
      until(
        one,
        ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
          metadata.deletionTimestamp !== undefined,
      ),
      merge(one, { metadata: { finalizers: null } }),
      untilGone(one),
    ),
  ];
}

/** The same fields, each of another type. */
function wrong(spec: object): object {
  return Object.fromEntries(
    Object.entries(spec).map(([field, value]) => [
      field,
      typeof value === 'object' ? 'text' : { an: 'object' },
    ]),
  );
}

function nulls(change: object): object {
  return Object.fromEntries(Object.keys(change).map((field) => [field, null]));
}

function count(body: unknown): unknown {
  return (body as { kind?: string }).kind;
}

/** Each of our kinds through everything that is done to objects. */
export const kinds: readonly Case[] = SAMPLES.flatMap(casesOf);
