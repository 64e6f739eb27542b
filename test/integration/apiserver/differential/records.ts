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
  quietly,
  remove,
  type Step,
  story,
  until,
  untilEstablished,
  watch,
} from './case.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases';
const EVENTS = '/api/v1/namespaces/{ns}/events';
const NEW_EVENTS = '/apis/events.k8s.io/v1/namespaces/{ns}/events';
const ACCOUNTS = '/api/v1/namespaces/{ns}/serviceaccounts';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const TIME = '2030-01-01T00:00:00.123456Z';

function lease(spec: object, metadata: object = {}): object {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', ...metadata }, spec };
}

const held = {
  holderIdentity: 'a',
  leaseDurationSeconds: 15,
  acquireTime: TIME,
  renewTime: TIME,
  leaseTransitions: 0,
};

const leases: readonly Case[] = [
  story('a lease', post(LEASES, lease(held)), get(`${LEASES}/l`), get(LEASES, TABLE)),
  story(
    'a lease without a spec',
    post(LEASES, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } }),
  ),
  story(
    'a lease that is taken over',
    post(LEASES, lease(held)),
    put(
      `${LEASES}/l`,
      lease({ ...held, holderIdentity: 'b', leaseTransitions: 1 }, { resourceVersion: '{rv}' }),
    ),
    put(`${LEASES}/l`, lease({ ...held, holderIdentity: 'c' }, { resourceVersion: '1' })),
  ),
  story(
    'a lease that breaks rules',
    post(LEASES, lease({ ...held, leaseDurationSeconds: 0, leaseTransitions: -1 })),
  ),
  story('a lease with times that are none', post(LEASES, lease({ ...held, renewTime: 'now' }))),
  story(
    'a lease with times in whole seconds',
    post(LEASES, lease({ ...held, renewTime: '2030-01-01T00:00:00Z' })),
  ),
  story(
    'a lease that is given up',
    post(LEASES, lease(held)),
    merge(`${LEASES}/l`, { spec: { holderIdentity: null, renewTime: null } }),
  ),
  story(
    'a lease applied',
    apply(`${LEASES}/l`, 'm', lease(held)),
    apply(`${LEASES}/l`, 'm', lease({ holderIdentity: 'b' })),
  ),
];

const regarding = { apiVersion: 'example.com/v1', kind: 'Widget', namespace: '{ns}', name: 'w', uid: '1' };

function event(fields: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e', ...metadata },
    involvedObject: regarding,
    reason: 'Tested',
    message: 'it was',
    type: 'Normal',
    ...fields,
  };
}

function newEvent(fields: object = {}): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    regarding,
    reason: 'Tested',
    note: 'it was',
    type: 'Normal',
    eventTime: TIME,
    action: 'Test',
    reportingController: 'example.com/t',
    reportingInstance: 'i',
    ...fields,
  };
}

const times = { firstTimestamp: '2030-01-01T00:00:00Z', lastTimestamp: '2030-01-01T00:01:00Z', count: 2 };

const events: readonly Case[] = [
  story(
    'an event',
    post(EVENTS, event({ ...times, source: { component: 'tests' } })),
    get(`${EVENTS}/e`),
    get(`${NEW_EVENTS}/e`),
    part(EVENTS, cells, TABLE),
    part(NEW_EVENTS, cells, TABLE),
  ),
  story('an event of the new kind', post(NEW_EVENTS, newEvent()), get(`${EVENTS}/e`), get(`${NEW_EVENTS}/e`)),
  story(
    'an event that happens again',
    post(EVENTS, event(times)),
    merge(`${EVENTS}/e`, { count: 3, lastTimestamp: '2030-01-01T00:02:00Z' }),
  ),
  story(
    'a series',
    post(NEW_EVENTS, newEvent()),
    merge(`${NEW_EVENTS}/e`, { series: { count: 2, lastObservedTime: TIME } }),
    get(`${EVENTS}/e`),
  ),
  story(
    'an event of another namespace',
    post(EVENTS, event({ involvedObject: { ...regarding, namespace: 'other' } })),
  ),
  story(
    'an event about what has no namespace',
    post(
      '/api/v1/namespaces/default/events',
      event({ involvedObject: { kind: 'Host', name: 'h' } }, { name: '{ns}' }),
    ),
  ),
  story(
    'events that break rules',
    post(NEW_EVENTS, newEvent({ eventTime: null })),
    post(NEW_EVENTS, newEvent({ reportingController: '', action: '', reason: '', type: 'Strange' })),
    post(EVENTS, event({ message: 'x'.repeat(1025), eventTime: TIME })),
  ),
  story(
    'an event that changes what may not change',
    post(NEW_EVENTS, newEvent()),
    merge(`${NEW_EVENTS}/e`, { reason: 'Other', note: 'other' }),
  ),
  story(
    'events selected',
    post(EVENTS, event(times)),
    part(`${EVENTS}?fieldSelector=involvedObject.name%3Dw,reason%3DTested`, names),
    part(`${EVENTS}?fieldSelector=type!%3DNormal`, names),
    part(`${EVENTS}?fieldSelector=involvedObject.uid%3D1,source%3D`, names),
    get(`${EVENTS}?fieldSelector=note%3Dx`),
    part(`${NEW_EVENTS}?fieldSelector=regarding.name%3Dw`, names),
  ),
  story(
    'events watched through the other group',
    quietly(get(EVENTS)),
    watch(`${NEW_EVENTS}?resourceVersion={rv}`, 1, post(EVENTS, event(times))),
  ),
];

function names(body: unknown): unknown {
  return (
    (body as { items?: { metadata: { name: string } }[] }).items?.map(({ metadata }) => metadata.name) ?? body
  );
}

/** Columns of events are described at length in Go's words; the cells are what people see. */
function cells(body: unknown): unknown {
  const { columnDefinitions, rows } = body as {
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[] }[];
  };
  return { names: columnDefinitions.map(({ name }) => name), rows: rows.map((row) => row.cells) };
}

const accounts: readonly Case[] = [
  story(
    'a service account with secrets',
    post(ACCOUNTS, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 's' },
      secrets: [{ name: 'a' }],
      imagePullSecrets: [{ name: 'b' }],
      automountServiceAccountToken: false,
    }),
    merge(`${ACCOUNTS}/s`, { secrets: [] }),
    get(ACCOUNTS, TABLE),
  ),
  story(
    'a service account applied by two',
    ...['m1', 'm2'].map((manager) =>
      apply(`${ACCOUNTS}/s`, manager, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 's' },
        secrets: [{ name: manager }],
      }),
    ),
  ),
  story(
    'a service account with a bad name',
    post(ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'A_' } }),
  ),
];

const GADGETS = '/apis/{ns}.example/v1/namespaces/{ns}/gadgets';
const GADGET_CRD = `${CRDS}/gadgets.{ns}.example`;

function crd(spec: object, versions?: object[]): object {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', ...spec } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gadgets.{ns}.example' },
    spec: {
      group: '{ns}.example',
      scope: 'Namespaced',
      names: { kind: 'Gadget', plural: 'gadgets' },
      versions: versions ?? [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

function gadget(spec: object, version = 'v1'): object {
  return { apiVersion: `{ns}.example/${version}`, kind: 'Gadget', metadata: { name: 'g' }, spec };
}

const TEXT = { type: 'string' };
const LIVED = {
  type: 'Lived',
  status: 'True',
  reason: 'Test',
  message: '',
  lastTransitionTime: '2026-01-02T03:04:05Z',
};
/** A definition's status, and a label. */
const notLived = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.{ns}.example', labels: { a: 'b' } },
  status: { conditions: [{ ...LIVED, status: 'False' }] },
};

/** Defines the kind and waits until it is served. */
function define(spec: object, versions?: object[]): Step[] {
  return [quietly(post(CRDS, crd(spec, versions))), quietly(untilEstablished(GADGET_CRD)), untilServed()];
}

function untilServed(): Step {
  return { ...quietly(get(GADGETS)), until: (status) => status === 200 };
}

/** Makes a change of the definition, and asks until requests feel it. */
function redefine(spec: object, felt: Step): Step[] {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', ...spec } } } };
  return [
    quietly(merge(GADGET_CRD, { spec: { versions: [{ name: 'v1', served: true, storage: true, schema }] } })),
    felt,
  ];
}

const live: readonly Case[] = [
  story(
    'a definition comes into force',
    post(CRDS, crd({ properties: { a: TEXT } })),
    untilEstablished(GADGET_CRD),
    untilServed(),
    post(GADGETS, gadget({ a: 'x', b: 'y' })),
    get('/apis/{ns}.example/v1'),
    get('/apis/{ns}.example'),
  ),
  story(
    'a definition keeps the conditions of others',
    ...define({ properties: { a: TEXT } }),
    patch(JSON_PATCH, `${GADGET_CRD}/status`, [{ op: 'add', path: '/status/conditions/0', value: LIVED }]),
    quietly(merge(GADGET_CRD, { spec: { names: { shortNames: ['gd'] } } })),
    until(
      GADGET_CRD,
      ({ status }: { status: { acceptedNames: object } }) => 'shortNames' in status.acceptedNames,
    ),
    apply(`${GADGET_CRD}/status`, 'm1', notLived),
    apply(`${GADGET_CRD}/status`, 'm1', notLived, '&force=true'),
  ),
  story(
    'a definition goes with its objects',
    ...define({ properties: { a: TEXT } }),
    quietly(post(GADGETS, gadget({ a: 'x' }))),
    quietly(remove(GADGET_CRD)),
    { ...get(GADGETS), until: (status) => status === 404 },
    { ...get(GADGET_CRD), until: (status) => status === 404 },
  ),
  story(
    'a definition waits for finalizers',
    ...define({ properties: { a: TEXT } }),
    quietly(post(GADGETS, { ...gadget({ a: 'x' }), metadata: { name: 'g', finalizers: ['example.com/x'] } })),
    quietly(remove(GADGET_CRD)),
    until(
      `${GADGETS}/g`,
      ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
        metadata.deletionTimestamp !== undefined,
    ),
    {
      ...post(GADGETS, gadget({ a: 'y' })),
      until: (status: number) => status === 405 || status === 409 || status === 403,
    },
    merge(`${GADGETS}/g`, { metadata: { finalizers: null } }),
    { ...get(GADGET_CRD), until: (status) => status === 404 },
  ),
  story(
    'a rule that comes later',
    ...define({ properties: { a: TEXT } }),
    quietly(post(GADGETS, gadget({ a: 'xx' }))),
    ...redefine(
      { properties: { a: { ...TEXT, maxLength: 1 } } },
      {
        ...post(`${GADGETS}?dryRun=All`, { ...gadget({ a: 'yy' }), metadata: { name: 'h' } }),
        until: (status) => status === 422,
      },
    ),
    get(`${GADGETS}/g`),
    merge(`${GADGETS}/g`, { metadata: { labels: { a: 'b' } } }),
    merge(`${GADGETS}/g`, { spec: { a: 'zz' } }),
  ),
  story(
    'a default that comes later',
    ...define({ properties: { a: TEXT } }),
    quietly(post(GADGETS, gadget({}))),
    ...redefine(
      { properties: { a: { ...TEXT, default: 'new' } } },
      { ...get(`${GADGETS}/g`), until: (_, body) => JSON.stringify(body).includes('new') },
    ),
    // kube-apiserver may be creating its store for the kind again (429).
    until(GADGETS, () => true),
  ),
  story(
    'a field that goes',
    ...define({ properties: { a: TEXT, b: TEXT } }),
    quietly(post(GADGETS, gadget({ a: 'x', b: 'y' }))),
    ...redefine(
      { properties: { a: TEXT } },
      { ...get(`${GADGETS}/g`), until: (_, body) => !JSON.stringify(body).includes('"y"') },
    ),
    merge(`${GADGETS}/g`, { spec: { b: 'z' } }),
  ),
  story(
    'two kinds of one name',
    ...define({ properties: { a: TEXT } }),
    post(CRDS, {
      ...crd({}),
      metadata: { name: 'widgets.{ns}.example' },
      spec: { ...(crd({}) as { spec: object }).spec, names: { kind: 'Gadget', plural: 'widgets' } },
    }),
    until(
      `${CRDS}/widgets.{ns}.example`,
      ({ status }: { status?: { conditions?: unknown[] } }) => (status?.conditions?.length ?? 0) > 0,
      conditions,
    ),
  ),
  story(
    'a definition changes what may not change',
    ...define({ properties: { a: TEXT } }),
    merge(GADGET_CRD, { spec: { scope: 'Cluster' } }),
    merge(GADGET_CRD, { spec: { group: 'other.example' } }),
    merge(GADGET_CRD, { spec: { names: { plural: 'others' } } }),
    merge(GADGET_CRD, { spec: { names: { kind: 'Other' } } }),
  ),
  story(
    'a definition loses the version that is stored',
    ...define({ properties: { a: TEXT } }),
    merge(GADGET_CRD, {
      spec: {
        versions: [
          { name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
        ],
      },
    }),
    merge(GADGET_CRD, { spec: { versions: [] } }),
  ),
];

function conditions(body: unknown): unknown {
  const { status } = body as {
    status: { conditions: { type: string; status: string; reason: string; message: string }[] };
  };
  return status.conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]);
}

/** Leases, events and service accounts; definitions that come, change and go. */
export const records: readonly Case[] = [...leases, ...events, ...accounts, ...live];
