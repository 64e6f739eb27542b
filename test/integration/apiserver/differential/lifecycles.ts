import {
  apply,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  merge,
  part,
  post,
  quietly,
  remove,
  story,
  until,
  untilGone,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const OWNER = `${WIDGETS}/owner`;
const NAMESPACES = '/api/v1/namespaces';
const TERMINATING = `${NAMESPACES}/x-{ns}`;
const INSIDE = `${TERMINATING}/configmaps`;

const makeOwner = quietly(post(WIDGETS, widget('owner')));
/** uid is that of the answer before. */
const ownedBy = (fields: object = {}) => ({
  ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'owner', uid: '{uid}', ...fields }],
});
const child = (name: string, fields: object = {}, metadata: object = {}) =>
  quietly(post(CONFIG_MAPS, configMap(name, {}, { ...ownedBy(fields), ...metadata })));
/**
 * The garbage collector has seen all that was made before this: it leaves as orphans only those dependents that it knows of when
 * their owner goes. It takes away what has an owner that never was, and it takes everything in its turn.
 */
const seenByCollector = [
  quietly(
    post(
      CONFIG_MAPS,
      configMap(
        'unowned',
        {},
        { ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'nobody', uid: 'none' }] },
      ),
    ),
  ),
  untilGone(`${CONFIG_MAPS}/unowned`),
] as const;
const blocked = { blockOwnerDeletion: true };
const held = { finalizers: ['example.com/hold'] };
const isDying = ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
  metadata.deletionTimestamp !== undefined;

const garbage: readonly Case[] = [
  story(
    'in the background dependents go after their owner',
    makeOwner,
    child('c'),
    remove(`${OWNER}?propagationPolicy=Background`),
    untilGone(OWNER),
    untilGone(`${CONFIG_MAPS}/c`),
  ),
  story(
    'without a policy dependents go after their owner',
    makeOwner,
    child('c'),
    remove(OWNER),
    untilGone(`${CONFIG_MAPS}/c`),
  ),
  story(
    'in the foreground the owner goes last',
    makeOwner,
    child('c', blocked, held),
    remove(`${OWNER}?propagationPolicy=Foreground`),
    until(`${CONFIG_MAPS}/c`, isDying),
    get(OWNER),
    merge(`${CONFIG_MAPS}/c`, { metadata: { finalizers: null } }),
    untilGone(OWNER),
  ),
  story(
    'in the foreground it does not wait for those that do not block',
    makeOwner,
    child('c', { blockOwnerDeletion: false }, held),
    remove(`${OWNER}?propagationPolicy=Foreground`),
    untilGone(OWNER),
    until(`${CONFIG_MAPS}/c`, isDying),
  ),
  story(
    'orphans stay',
    makeOwner,
    child('c'),
    ...seenByCollector,
    remove(`${OWNER}?propagationPolicy=Orphan`),
    untilGone(OWNER),
    until(
      `${CONFIG_MAPS}/c`,
      ({ metadata }: { metadata: { ownerReferences?: unknown } }) => metadata.ownerReferences === undefined,
    ),
  ),
  story(
    'orphans by the old option',
    makeOwner,
    child('c'),
    ...seenByCollector,
    remove(OWNER, { orphanDependents: true }),
    untilGone(OWNER),
    until(
      `${CONFIG_MAPS}/c`,
      ({ metadata }: { metadata: { ownerReferences?: unknown } }) => metadata.ownerReferences === undefined,
    ),
  ),
  story(
    'grandchildren go, too',
    makeOwner,
    { ...child('c'), view: (body) => body },
    quietly(
      post(
        CONFIG_MAPS,
        configMap(
          'g',
          {},
          { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: '{uid}' }] },
        ),
      ),
    ),
    remove(OWNER),
    untilGone(`${CONFIG_MAPS}/g`),
  ),
  story(
    'a finalizer of the owner keeps its dependents',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    child('c'),
    remove(OWNER),
    get(`${CONFIG_MAPS}/c`),
    merge(OWNER, { metadata: { finalizers: null } }),
    untilGone(`${CONFIG_MAPS}/c`),
  ),
  story(
    'an owner that never was',
    quietly(
      post(
        CONFIG_MAPS,
        configMap(
          'c',
          {},
          {
            ownerReferences: [
              {
                apiVersion: 'example.com/v1',
                kind: 'Widget',
                name: 'none',
                uid: '00000000-0000-4000-8000-000000000000',
              },
            ],
          },
        ),
      ),
    ),
    untilGone(`${CONFIG_MAPS}/c`),
  ),
  story(
    'an owner of the same name and another uid',
    makeOwner,
    quietly(
      post(
        CONFIG_MAPS,
        configMap(
          'c',
          {},
          {
            ownerReferences: [
              {
                apiVersion: 'example.com/v1',
                kind: 'Widget',
                name: 'owner',
                uid: '00000000-0000-4000-8000-000000000000',
              },
            ],
          },
        ),
      ),
    ),
    untilGone(`${CONFIG_MAPS}/c`),
    get(OWNER),
  ),
  story(
    'two controllers',
    makeOwner,
    post(
      CONFIG_MAPS,
      configMap(
        'c',
        {},
        {
          ownerReferences: ['1', '2'].map((uid) => ({
            apiVersion: 'example.com/v1',
            kind: 'Widget',
            name: 'owner',
            uid,
            controller: true,
          })),
        },
      ),
    ),
  ),
  story(
    'an owner of a kind that may not own',
    post(
      CONFIG_MAPS,
      configMap('c', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'e', uid: '1' }] }),
    ),
  ),
  story(
    'deleted twice, in the foreground after the background',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(OWNER),
    remove(`${OWNER}?propagationPolicy=Foreground`),
    until(
      OWNER,
      ({ metadata }: { metadata: { finalizers?: string[] } }) => metadata.finalizers?.length === 1,
    ),
    merge(OWNER, { metadata: { finalizers: null } }),
    untilGone(OWNER),
  ),
  story(
    'deleted while it waits for orphans',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(`${OWNER}?propagationPolicy=Orphan`),
    until(
      OWNER,
      ({ metadata }: { metadata: { finalizers?: string[] } }) => metadata.finalizers?.length === 1,
    ),
    merge(OWNER, { metadata: { finalizers: null } }),
    untilGone(OWNER),
  ),
];

const dying: readonly Case[] = [
  story(
    'the spec of what is being deleted may change',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(OWNER),
    merge(OWNER, { spec: { note: 'late' } }),
    merge(`${OWNER}/status`, { status: { replicas: 2 } }),
  ),
  story(
    'what is being deleted may be applied',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(OWNER),
    apply(OWNER, 'm1', widget('owner', { note: 'late' })),
  ),
  story(
    'a deletion cannot be taken back',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(OWNER),
    merge(OWNER, { metadata: { deletionTimestamp: null } }),
    get(OWNER),
  ),
  story(
    'a deletion with a grace period',
    quietly(post(WIDGETS, widget('owner', {}, held))),
    remove(OWNER, { gracePeriodSeconds: 30 }),
    remove(OWNER, { gracePeriodSeconds: 0 }),
  ),
  story(
    'deletion options that are none',
    quietly(post(WIDGETS, widget('owner'))),
    remove(OWNER, { gracePeriodSeconds: 'x' }),
    remove(OWNER, { kind: 'Widget', apiVersion: 'example.com/v1' }),
    remove(OWNER, '{'),
  ),
  story(
    'a collection with finalizers',
    quietly(post(CONFIG_MAPS, configMap('a', {}, held))),
    quietly(post(CONFIG_MAPS, configMap('b'))),
    remove(CONFIG_MAPS),
    get(CONFIG_MAPS),
  ),
  story(
    'a collection by pages',
    quietly(post(CONFIG_MAPS, configMap('a'))),
    quietly(post(CONFIG_MAPS, configMap('b'))),
    remove(`${CONFIG_MAPS}?limit=1`),
    get(CONFIG_MAPS),
  ),
  story(
    'a collection in a dry run',
    quietly(post(CONFIG_MAPS, configMap('a'))),
    remove(`${CONFIG_MAPS}?dryRun=All`),
    get(CONFIG_MAPS),
  ),
  story('a collection of nothing', remove(WIDGETS), remove(`${CONFIG_MAPS}?labelSelector=none%3Dhere`)),
];

const namespaces: readonly Case[] = [
  story(
    'a namespace goes with all that is in it',
    post(NAMESPACES, { metadata: { name: 'x-{ns}' } }),
    quietly(post(INSIDE, configMap('c'))),
    part(`${TERMINATING}`, () => 'seen'),
    quietly(remove(TERMINATING)),
    untilGone(TERMINATING),
    get(`${INSIDE}/c`),
  ),
  story(
    'a namespace waits for finalizers, takes nothing new, and says why',
    quietly(post(NAMESPACES, { metadata: { name: 'x-{ns}' } })),
    quietly(post(INSIDE, configMap('c', {}, held))),
    remove(TERMINATING),
    { ...post(INSIDE, configMap('late')), until: (status: number) => status === 403 },
    apply(`${INSIDE}/late`, 'm', configMap('late')),
    until(`${INSIDE}/c`, isDying),
    merge(`${INSIDE}/c`, { data: { still: 'yes' } }),
    until(
      TERMINATING,
      ({ status }: { status: { conditions?: unknown[] } }) => (status.conditions?.length ?? 0) >= 5,
    ),
    remove(TERMINATING),
    quietly(merge(`${INSIDE}/c`, { metadata: { finalizers: null } })),
    untilGone(TERMINATING),
  ),
  story('a namespace made by generateName', post(NAMESPACES, { metadata: { generateName: 'generated-' } })),
  story(
    'a namespace with a status',
    post(NAMESPACES, {
      metadata: { name: 'x-{ns}', labels: { a: 'b' } },
      status: { phase: 'Terminating' },
      spec: { finalizers: ['x/y'] },
    }),
  ),
  story(
    'a namespace whose name label is changed',
    quietly(post(NAMESPACES, { metadata: { name: 'x-{ns}' } })),
    merge(TERMINATING, { metadata: { labels: { 'kubernetes.io/metadata.name': 'other' } } }),
    merge(TERMINATING, { metadata: { labels: null } }),
  ),
  story('namespaces are not deleted all at once', remove(NAMESPACES)),
  story('a namespace that must stay', { ...remove(`${NAMESPACES}/default?dryRun=All`) }),
  story('watch a namespace go', quietly(post(NAMESPACES, { metadata: { name: 'x-{ns}' } })), {
    ...watch(`${NAMESPACES}?fieldSelector=metadata.name%3Dx-{ns}`, 2, quietly(remove(TERMINATING))),
    view: typeAndPhase,
  }),
];

function typeAndPhase(event: unknown): unknown {
  const { type, object } = event as { type: string; object: { status?: { phase?: string } } };
  return [type, object.status?.phase];
}

/** Objects that go, and take others along or not. */
export const lifecycles: readonly Case[] = [...garbage, ...dying, ...namespaces];
