import {
  apply,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  JSON_PATCH,
  merge,
  part,
  patch,
  post,
  quietly,
  remove,
  story,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const ONE = `${WIDGETS}/w`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
/** Watches from what the answer before told. */
const FROM = 'resourceVersion={rv}';
const INITIAL = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan';

const start = part(WIDGETS, () => undefined);
const a = quietly(post(WIDGETS, widget('a', { colour: 'red' }, { labels: { app: 'x' } })));
const b = quietly(post(WIDGETS, widget('b')));

function accepting(accept: string, step: ReturnType<typeof watch>): ReturnType<typeof watch> {
  return { ...step, headers: { Accept: accept } };
}

/** Events of a watch: their order, their types, and what the objects in them are. */
export const watches: readonly Case[] = [
  story(
    'watch a life',
    start,
    watch(
      `${WIDGETS}?${FROM}`,
      4,
      post(WIDGETS, widget('w')),
      merge(ONE, { spec: { note: 'x' } }),
      merge(`${ONE}/status`, { status: { replicas: 1 } }),
      remove(ONE),
    ),
  ),
  story(
    'watch a built-in kind',
    start,
    watch(
      `${CONFIG_MAPS}?${FROM}`,
      3,
      post(CONFIG_MAPS, configMap('c')),
      merge(`${CONFIG_MAPS}/c`, { data: { b: '2' } }),
      remove(`${CONFIG_MAPS}/c`),
    ),
  ),
  story('watch what is there', a, b, watch(WIDGETS, 2)),
  story('watch from any version', a, b, watch(`${WIDGETS}?resourceVersion=0`, 2)),
  story(
    'watch what changes nothing',
    a,
    start,
    watch(
      `${WIDGETS}?${FROM}`,
      1,
      merge(`${WIDGETS}/a`, { spec: { colour: 'red' } }),
      merge(`${WIDGETS}/a`, { spec: { note: 'y' } }),
    ),
  ),
  story(
    'watch a finalizer',
    start,
    watch(
      `${WIDGETS}?${FROM}`,
      3,
      post(WIDGETS, widget('w', {}, { finalizers: ['example.com/x'] })),
      remove(ONE),
      merge(ONE, { metadata: { finalizers: null } }),
    ),
  ),
  story(
    'watch one by its name',
    a,
    start,
    watch(
      `${WIDGETS}?${FROM}&fieldSelector=metadata.name%3Dw`,
      2,
      merge(`${WIDGETS}/a`, { spec: { note: 'y' } }),
      post(WIDGETS, widget('w')),
      remove(ONE),
    ),
  ),
  story('watch one by its path', a, watch(`${WIDGETS}/a`, 2, merge(`${WIDGETS}/a`, { spec: { note: 'y' } }))),
  story(
    'watch by a label that comes and goes',
    a,
    start,
    watch(
      `${WIDGETS}?${FROM}&labelSelector=on`,
      3,
      merge(`${WIDGETS}/a`, { metadata: { labels: { on: '1' } } }),
      merge(`${WIDGETS}/a`, { spec: { note: 'y' } }),
      merge(`${WIDGETS}/a`, { metadata: { labels: { on: null } } }),
    ),
  ),
  story(
    'watch by a field that changes',
    a,
    start,
    watch(
      `${WIDGETS}?${FROM}&fieldSelector=spec.colour%3Dblue`,
      2,
      merge(`${WIDGETS}/a`, { spec: { colour: 'blue' } }),
      merge(`${WIDGETS}/a`, { spec: { colour: 'green' } }),
    ),
  ),
  story(
    'watch by a label and be deleted',
    a,
    start,
    watch(`${WIDGETS}?${FROM}&labelSelector=app%3Dx`, 1, remove(`${WIDGETS}/a`)),
  ),
  story(
    'watch an apply',
    start,
    watch(
      `${WIDGETS}?${FROM}`,
      2,
      apply(ONE, 'm1', widget('w')),
      apply(ONE, 'm2', widget('w', { note: 'z' })),
    ),
  ),
  story('watch a deletion of many', a, b, start, watch(`${WIDGETS}?${FROM}`, 2, quietly(remove(WIDGETS)))),
  story(
    'watch as tables',
    a,
    watch(WIDGETS, 2, merge(`${WIDGETS}/a`, { spec: { note: 'y' } })),
    accepting(TABLE, watch(WIDGETS, 2, merge(`${WIDGETS}/a`, { spec: { note: 'z' } }))),
  ),
  story(
    'watch metadata only',
    a,
    accepting(PARTIAL, watch(WIDGETS, 2, merge(`${WIDGETS}/a`, { spec: { note: 'z' } }))),
  ),
  story(
    'a list as a stream',
    a,
    b,
    watch(
      `${WIDGETS}?${INITIAL}&allowWatchBookmarks=true`,
      4,
      merge(`${WIDGETS}/b`, { spec: { note: 'z' } }),
    ),
  ),
  story(
    'a list as a stream, of nothing',
    watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true`, 2, post(WIDGETS, widget('w'))),
  ),
  story(
    'a list as a stream from a version',
    a,
    start,
    watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true&${FROM}`, 2),
  ),
  story(
    'a list as a stream, as tables',
    a,
    accepting(TABLE, watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true`, 2)),
  ),
  story(
    'a list as a stream, of metadata',
    a,
    accepting(PARTIAL, watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true`, 2)),
  ),
  story(
    'a list as a stream of what is selected',
    a,
    b,
    watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true&labelSelector=app%3Dx`, 2),
  ),
  story(
    'no initial events',
    a,
    start,
    watch(
      `${WIDGETS}?sendInitialEvents=false&resourceVersionMatch=NotOlderThan&${FROM}`,
      1,
      post(WIDGETS, widget('w')),
    ),
  ),
  story('initial events without a match', get(`${WIDGETS}?watch=1&sendInitialEvents=true`)),
  story(
    'initial events that match exactly',
    get(`${WIDGETS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=5`),
  ),
  story('initial events of a list', get(`${WIDGETS}?sendInitialEvents=true`), get(`${WIDGETS}?${INITIAL}`)),
  story('a match of a watch', get(`${WIDGETS}?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=5`)),
  story('a watch that continues from a page', watch(`${WIDGETS}?continue=x&timeoutSeconds=1`, 1)),
  story('a watch from nowhere', get(`${WIDGETS}?watch=1&resourceVersion=x`)),
  story('a watch that ends by itself', start, watch(`${WIDGETS}?${FROM}&timeoutSeconds=1`, 1)),
  story('a watch by a malformed selector', get(`${WIDGETS}?watch=1&labelSelector=a%3D%3D%3Db`)),
  story('a watch of a kind that is not there', get('/apis/example.com/v1/namespaces/{ns}/nothings?watch=1')),
  story(
    'a watch of a namespace that is not there',
    watch('/api/v1/namespaces/nowhere/configmaps?timeoutSeconds=1', 1),
  ),
  story(
    'watch a JSON patch',
    a,
    start,
    watch(
      `${WIDGETS}?${FROM}`,
      1,
      patch(JSON_PATCH, `${WIDGETS}/a`, [{ op: 'add', path: '/metadata/annotations', value: { k: 'v' } }]),
    ),
  ),
];

/** What clients hold on to while the server loses its history: a version, and where a list goes on. */
export const beforeHistoryIsLost = story('before', a, b, get(`${WIDGETS}?limit=1`));

/** What they hear when they come back with it. */
export const afterHistoryIsLost = story(
  'after',
  get(`${WIDGETS}?limit=1&continue={continue}`),
  part(`${WIDGETS}?limit=1&continue={continue}`, () => undefined),
  get(`${WIDGETS}?resourceVersion=2&resourceVersionMatch=Exact`),
  watch(`${WIDGETS}?resourceVersion=1&timeoutSeconds=2`, 2),
  watch(`${WIDGETS}?${FROM}&timeoutSeconds=2`, 2),
  watch(`${WIDGETS}?${INITIAL}&allowWatchBookmarks=true&timeoutSeconds=2&${FROM}`, 3),
  part(`${WIDGETS}?${FROM}&resourceVersionMatch=NotOlderThan`, () => undefined),
  get(`${WIDGETS}/a?${FROM}`),
);
