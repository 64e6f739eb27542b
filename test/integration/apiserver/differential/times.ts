import {
  apply,
  type Case,
  CONFIG_MAPS,
  CRDS,
  configMap,
  get,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  quietly,
  SECRETS,
  STRATEGIC_PATCH,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases';
const EVENTS = '/api/v1/namespaces/{ns}/events';
const NEW_EVENTS = '/apis/events.k8s.io/v1/namespaces/{ns}/events';

/** Texts that are times to some, and to others not. */
const TIMES = [
  '2030-01-01T00:00:00Z',
  '2030-01-01T00:00:00+00:00',
  '2030-01-01T00:00:00-00:00',
  '2030-01-01T02:00:00+02:00',
  '2029-12-31T18:30:00-05:30',
  '2030-01-01T00:00:00.000Z',
  '2030-01-01T00:00:00.123456Z',
  '2030-01-01T00:00:00.123456+00:00',
  '2030-01-01T00:00:00.123456789Z',
  '2030-01-01T00:00:00,5Z',
  '2030-01-01T1:00:00Z',
  '2030-02-29T00:00:00Z',
  '2030-13-01T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-01-01T00:00:60Z',
  '2030-01-01T00:00:00',
  '2030-01-01T00:00:00z',
  '2030-01-01 00:00:00Z',
  '2030-01-01',
  '2030-01-01T00:00:00+25:00',
  '2030-01-01T00:00:00ZZ',
  '0001-01-01T00:00:00Z',
  '0000-01-01T00:00:00+01:00',
  '9999-12-31T23:59:59-01:00',
  'now',
  ' ',
];

/** The object that was read before, as a client sends it back: with another text for the same time. */
const sentBack = (object: object, creationTimestamp: string): object => {
  const { metadata } = object as { metadata: object };
  return { ...object, metadata: { ...metadata, resourceVersion: '{rv}', creationTimestamp } };
};

const lease = (spec: object): object => {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec };
};
const event = (fields: object): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e' },
  involvedObject: { kind: 'Widget', namespace: '{ns}', name: 'w' },
  ...fields,
});
const newEvent = (eventTime: unknown): object => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e' },
  regarding: { kind: 'Widget', namespace: '{ns}', name: 'w' },
  reason: 'Tested',
  type: 'Normal',
  action: 'Test',
  reportingController: 'example.com/t',
  reportingInstance: 'i',
  eventTime,
});

const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' };

/** Go's zero time, and times in years that have not four digits in UTC: where no value may be the first, and JSON the others, kube fails. */
const ODD = ['0001-01-01T00:00:00Z', '0000-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00'];

/** Every text where a time belongs, in dry runs. */
const everyTime = (steps: (time: string) => readonly Step[], without: readonly string[] = []): Step[] =>
  TIMES.filter((time) => !without.includes(time)).flatMap(steps);
const DRY = 'dryRun=All';

/** Times are compared as times, whatever text stands for them, and written as Kubernetes writes them. */
export const times: readonly Case[] = [
  ...(
    [
      ['a custom resource', WIDGETS, widget('w')],
      ['a config map', CONFIG_MAPS, configMap('c')],
      ['a secret', SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }],
      ['a lease', LEASES, lease({})],
    ] as const
  ).map(([what, at, object]) => {
    const { name } = (object as { metadata: { name: string } }).metadata;
    return story(
      `the creation of ${what}, sent back as other clients write it`,
      quietly(post(at, object)),
      ...everyTime((time) => [
        put(`${at}/${name}?${DRY}`, sentBack(object, time)),
        merge(`${at}/${name}?${DRY}`, { metadata: { creationTimestamp: time } }),
        apply(
          `${at}/${name}`,
          'm',
          { ...object, metadata: { name, creationTimestamp: time } },
          '&dryRun=All',
        ),
      ]),
      get(`${at}/${name}`),
    );
  }),
  story(
    'times of a lease',
    quietly(post(LEASES, lease({}))),
    ...everyTime((time) => [
      post(`${LEASES}?${DRY}`, { ...lease({ renewTime: time }), metadata: { name: 'm' } }),
      merge(`${LEASES}/l?${DRY}`, { spec: { acquireTime: time } }),
      patch(STRATEGIC_PATCH, `${LEASES}/l?${DRY}`, { spec: { acquireTime: time } }),
      patch(JSON_PATCH, `${LEASES}/l?${DRY}`, [{ op: 'add', path: '/spec/renewTime', value: time }]),
      apply(`${LEASES}/l`, 'm', lease({ renewTime: time }), '&dryRun=All'),
    ]),
  ),
  story(
    'times of an event',
    ...everyTime((time) => [
      post(`${EVENTS}?${DRY}`, event({ firstTimestamp: time })),
      post(`${EVENTS}?${DRY}`, event({ series: { count: 2, lastObservedTime: time } })),
      post(`${NEW_EVENTS}?${DRY}`, newEvent(time)),
    ]),
  ),
  story(
    'times in managedFields, and of a deletion',
    quietly(post(CONFIG_MAPS, configMap('c'))),
    ...everyTime(
      (time) => [
        merge(`${CONFIG_MAPS}/c?${DRY}`, { metadata: { managedFields: [{ ...entry, time }] } }),
        merge(`${CONFIG_MAPS}/c?${DRY}`, { metadata: { deletionTimestamp: time } }),
      ],
      ODD,
    ),
  ),
  story(
    'times in the status of a definition',
    quietly(get(`${CRDS}/widgets.example.com`)),
    ...everyTime(
      (time) => [
        {
          ...merge(`${CRDS}/widgets.example.com/status?${DRY}`, {
            status: { conditions: [{ type: 'Odd', status: 'True', lastTransitionTime: time }] },
          }),
          view: conditionsOf,
        },
      ],
      ODD,
    ),
  ),
];

function conditionsOf(body: unknown): unknown {
  const { status, reason } = body as { status?: { conditions?: unknown }; reason?: string };
  return status?.conditions ?? reason;
}
