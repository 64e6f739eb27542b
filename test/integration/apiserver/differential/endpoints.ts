import {
  accepting,
  apply,
  type Case,
  CRDS,
  get,
  JSON_PATCH,
  merge,
  PROTOBUF,
  patch,
  post,
  put,
  quietly,
  remove,
  STRATEGIC_PATCH,
  story,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const NAMESPACE = 'ends-{ns}';
const NAMESPACES = '/api/v1/namespaces';
const ONE = `${NAMESPACES}/${NAMESPACE}`;

function namespace(fields: object = {}, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, ...metadata }, ...fields };
}

const finalize: readonly Case[] = [
  story(
    'a namespace, finalized',
    post(NAMESPACES, namespace()),
    put(`${ONE}/finalize`, namespace({ spec: { finalizers: ['kubernetes', 'example.com/x'] } })),
    put(
      `${ONE}/finalize`,
      namespace({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Odd' } }, { labels: { a: 'b' } }),
    ),
    put(`${ONE}/finalize`, namespace({ spec: { finalizers: ['odd'] } })),
    put(`${ONE}/finalize`, namespace({}, { name: 'other' })),
    put(`${NAMESPACES}/none/finalize`, namespace({}, { name: 'none' })),
    put(ONE, namespace({ spec: { finalizers: ['example.com/y'] } })),
    put(`${ONE}/finalize`, namespace({ spec: {} })),
    get(ONE),
  ),
  story(
    'what else there is of finalize',
    post(NAMESPACES, namespace()),
    get(`${ONE}/finalize`),
    merge(`${ONE}/finalize`, {}),
    remove(`${ONE}/finalize`),
    post(`${ONE}/finalize`, namespace()),
  ),
  story(
    'a namespace that is finalized while it is deleted',
    post(NAMESPACES, namespace({ spec: { finalizers: ['example.com/x'] } })),
    quietly(remove(ONE)),
    put(`${ONE}/status`, namespace({ status: { phase: 'Active' } })),
    quietly(put(`${ONE}/finalize`, namespace({ spec: {} }))),
    { ...get(ONE), until: (status) => status === 404 },
  ),
];

/** Patches of a status, one after the other. */
const CONDITION = { type: 'X', status: 'True', reason: 'Tested', message: 'all is well' };

const statuses: readonly Case[] = [
  story(
    'the status of a namespace, patched',
    post(NAMESPACES, namespace()),
    merge(`${ONE}/status`, { status: { phase: 'Terminating' } }),
    patch(STRATEGIC_PATCH, `${ONE}/status`, { status: { conditions: [{ type: 'Y', status: 'True' }] } }),
    patch(STRATEGIC_PATCH, `${ONE}/status`, { status: { conditions: [CONDITION] } }),
    patch(JSON_PATCH, `${ONE}/status`, [{ op: 'remove', path: '/status/phase' }]),
    merge(`${ONE}/status`, { status: null }),
    merge(`${ONE}/status`, { spec: { finalizers: ['example.com/x'] } }),
    merge(`${ONE}/status`, { metadata: { labels: { a: 'b' } } }),
    put(`${ONE}/status`, namespace({ status: { phase: 'Terminating' } })),
    accepting(PROTOBUF, get(`${ONE}/status`)),
  ),
  story(
    'the status of a definition, patched',
    ...[
      { status: { storedVersions: ['v1', 'v0'] } },
      { status: { storedVersions: [] } },
      { status: { conditions: [CONDITION] } },
      { status: { acceptedNames: { plural: 'odd' } } },
      { status: { observedGeneration: 3 } },
      { status: null },
      { spec: { group: 'odd' }, metadata: { labels: { a: 'b' } } },
    ].map((change) => merge(`${CRDS}/widgets.example.com/status?dryRun=All`, change)),
    patch(STRATEGIC_PATCH, `${CRDS}/widgets.example.com/status?dryRun=All`, {
      status: { conditions: [CONDITION] },
    }),
    patch(JSON_PATCH, `${CRDS}/widgets.example.com/status?dryRun=All`, [
      { op: 'remove', path: '/status/conditions' },
    ]),
  ),
];

/** Statuses of other types than theirs; how Go says so is compared with those of other fields. */
const ODD_STATUSES = [
  7,
  'odd',
  [],
  { conditions: 7 },
  { conditions: [7] },
  { conditions: [[]] },
  { phase: 7 },
];

const oddStatuses = story(
  'the status of a namespace, of other types',
  post(NAMESPACES, namespace()),
  ...ODD_STATUSES.map((status) => quietly(put(`${ONE}/status`, namespace({ status })))),
);

const scales: readonly Case[] = [
  story(
    'a scale, patched in every way',
    post(WIDGETS, widget('w')),
    ...[STRATEGIC_PATCH, 'application/json', 'text/plain'].map((type) =>
      patch(type, `${WIDGETS}/w/scale`, { spec: { replicas: 2 } }),
    ),
    merge(`${WIDGETS}/w/scale`, { spec: { replicas: 3 } }),
    patch(JSON_PATCH, `${WIDGETS}/w/scale`, [{ op: 'replace', path: '/spec/replicas', value: 4 }]),
  ),
  story(
    'a scale, applied',
    post(WIDGETS, widget('w')),
    apply(`${WIDGETS}/w/scale`, '', { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 5 } }),
    apply(
      `${WIDGETS}/w/scale`,
      'm',
      { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 5 } },
      '&force=true',
    ),
  ),
];

const METADATA = ';as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const STREAM = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

/** As Go's metadata client lists: first the objects there are, then a bookmark. */
const streams: readonly Case[] = [PROTOBUF, 'application/json'].map((type) =>
  story(
    `metadata alone, as a stream of ${type}`,
    post(WIDGETS, widget('a')),
    post(WIDGETS, widget('b')),
    accepting(`${type}${METADATA}`, watch(`${WIDGETS}?${STREAM}`, 3)),
    accepting(`${type}${METADATA}`, watch(`/api/v1/namespaces/{ns}/configmaps?${STREAM}`, 1)),
    accepting(
      `${type}${METADATA}`,
      watch(`${CRDS}?${STREAM}&fieldSelector=metadata.name=widgets.example.com`, 2),
    ),
  ),
);

/** Endpoints beside those of objects themselves. */
export const endpoints: readonly Case[] = [...finalize, ...statuses, oddStatuses, ...scales, ...streams];
