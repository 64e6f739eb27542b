import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import type { KubeClient } from '../client/client.ts';
import { createKubeClient } from '../client/create.ts';
import {
  listOf,
  startTestServer,
  statusOf,
  type TestRequest,
  type TestServer,
} from '../testing/test-server.ts';
import { createTestLog, THINGS, type Thing, thing } from '../testing/things.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';
import type { InformerEvent } from './supervisor.ts';

/** A busy machine may stand still for seconds. */
const patience = { timeout: 20_000, interval: 20 };

/** How a broken watch may end: in every case the informer must go on where it was. */
const accidents: readonly [string, (watch: TestRequest) => void][] = [
  ['a reset connection', (watch) => watch.reset()],
  ['a clean close', (watch) => watch.end()],
  ['truncated JSON', (watch) => watch.end('{"type":"MODIFIED","obj')],
  ['HTML in the stream', (watch) => watch.end('<html>\n')],
  ['an ERROR event', (watch) => watch.send('ERROR', statusOf(500, 'InternalError', 'etcd is away'))],
  ['a connection that stays open and silent', () => undefined],
];

describe('an informer', () => {
  let server: TestServer;
  let client: KubeClient;
  let stop: AbortController;
  let running: Promise<void>[];
  let changes: string[];
  let events: InformerEvent['type'][];
  let lines: Record<string, unknown>[];

  beforeEach(async () => {
    server = await startTestServer();
    const testLog = createTestLog();
    lines = testLog.lines;
    client = createKubeClient(server.kubeConfig, { log: testLog.log });
    stop = new AbortController();
    running = [];
    changes = [];
    events = [];
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running);
    await client.close();
    await server.close();
  });

  const start = (options: Partial<InformerOptions<Thing>> = {}): Informer<Thing> => {
    const informer = createInformer({
      client,
      ref: THINGS,
      clock: systemClock,
      random: () => 0,
      log: createTestLog().log,
      observe: ({ type }) => events.push(type),
      idleMs: 300,
      ...options,
    });
    informer.addHandler((old, current) => {
      const version = (object: Thing | undefined) => object?.metadata.resourceVersion ?? '';
      changes.push(
        `${(current ?? old)?.metadata.name} ${version(old)}>${current === undefined ? 'gone' : version(current)}`,
      );
    });
    running.push(informer.run(stop.signal));
    return informer;
  };
  const startSynced = async (options: Partial<InformerOptions<Thing>> = {}) => {
    const informer = start(options);
    (await server.next()).json(200, listOf('10', [thing('a', '5'), thing('b', '6')]));
    const watch = await server.next();
    watch.open();
    expect(watch.query.get('resourceVersion')).toBe('10');
    return { informer, watch };
  };
  /** Answers the check of the server's version that follows a lost connection, if it comes, and takes the next watch. */
  const nextWatch = async (version = '20'): Promise<TestRequest> => {
    const request = await server.next();
    if (request.query.get('watch') === 'true') {
      return request;
    }
    expect(request.query.get('limit')).toBe('1');
    request.json(200, listOf(version, []));
    return await server.next();
  };

  it('lists, then follows the watch', async () => {
    const informer = start();
    expect(informer.hasSynced()).toBe(false);
    (await server.next()).json(200, listOf('10', [thing('a', '5')]));
    await informer.waitForSync();
    const watch = await server.next();
    watch.open();
    watch.send('ADDED', thing('b', '11'));
    watch.send('MODIFIED', thing('a', '12'));
    watch.send('DELETED', thing('b', '13'));
    await vi.waitFor(() => expect(changes).toEqual(['a >5', 'b >11', 'a 5>12', 'b 13>gone']), patience);
    expect(informer.get('demo/a')).toEqual(thing('a', '12'));
    expect(informer.list()).toEqual([thing('a', '12')]);
  });

  it('passes its selectors to the list and to the watch', async () => {
    start({ namespace: 'demo', labelSelector: 'app=web', fieldSelector: 'metadata.name=a' });
    const list = await server.next();
    list.json(200, listOf('10', []));
    const watch = await server.next();
    for (const request of [list, watch]) {
      expect(request.path).toBe('/apis/test.dev/v1/namespaces/demo/things');
      expect(request.query.get('labelSelector')).toBe('app=web');
      expect(request.query.get('fieldSelector')).toBe('metadata.name=a');
    }
  });

  it.each(accidents)('continues after %s from the last version that it saw', async (_name, happen) => {
    const { informer, watch } = await startSynced();
    watch.send('MODIFIED', thing('a', '11'));
    watch.send('BOOKMARK', { metadata: { resourceVersion: '15' } });
    await vi.waitFor(() => expect(informer.get('demo/a')?.metadata.resourceVersion).toBe('11'), patience);
    happen(watch);
    const second = await nextWatch();
    expect(second.query.get('resourceVersion')).toBe('15');
    second.open();
    second.send('MODIFIED', thing('a', '16'));
    await vi.waitFor(() => expect(changes.at(-1)).toBe('a 11>16'), patience);
    expect(events.filter((type) => type === 'listed')).toHaveLength(1);
  });

  it('lists again when the server no longer has its version, and reports only what changed', async () => {
    const { informer, watch } = await startSynced();
    await informer.waitForSync();
    changes.length = 0;
    watch.send('ERROR', statusOf(410, 'Expired', 'too old resource version'));
    const relist = await server.next();
    expect(relist.query.has('watch')).toBe(false);
    relist.json(200, listOf('30', [thing('a', '5'), thing('b', '25'), thing('c', '26')]));
    expect((await server.next()).query.get('resourceVersion')).toBe('30');
    expect(changes).toEqual(['b 6>25', 'c >26']);
  });

  it('reports deletions that happened while it was disconnected', async () => {
    const { watch } = await startSynced();
    watch.send('ERROR', statusOf(410, 'Expired', 'too old resource version'));
    (await server.next()).json(200, listOf('30', [thing('b', '6')]));
    await server.next();
    expect(changes.at(-1)).toBe('a 5>gone');
  });

  it('reports an object that took the name of a deleted one as a deletion and a creation', async () => {
    const { watch } = await startSynced();
    watch.send('ERROR', statusOf(410, 'Expired', 'too old resource version'));
    (await server.next()).json(200, listOf('30', [thing('a', '20', { uid: 'another' }), thing('b', '6')]));
    await server.next();
    expect(changes.slice(-2)).toEqual(['a 5>gone', 'a >20']);
  });

  it('lists again when the server comes back with an older state', async () => {
    const { informer, watch } = await startSynced();
    watch.reset();
    const check = await server.next();
    expect(check.query.get('limit')).toBe('1');
    check.json(200, listOf('7', []));
    (await server.next()).json(200, listOf('7', [thing('a', '5')]));
    expect((await server.next()).query.get('resourceVersion')).toBe('7');
    expect(informer.list()).toEqual([thing('a', '5')]);
  });

  it('tries again after refusals and invalid answers to its first list', async () => {
    const informer = start();
    (await server.next()).json(403, statusOf(403, 'Forbidden', 'not you'));
    (await server.next()).text(200, '<html>Please log in</html>');
    (await server.next()).json(200, { kind: 'List' });
    (await server.next()).json(200, listOf('10', [thing('a', '5')]));
    await informer.waitForSync();
    expect(informer.list()).toHaveLength(1);
  });

  it('honours Retry-After', async () => {
    const { watch } = await startSynced();
    watch.end();
    const refused = await server.next();
    const refusedAt = performance.now();
    refused.json(429, statusOf(429, 'TooManyRequests', 'busy'), { 'retry-after': '1' });
    await nextWatch();
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(1000);
  });

  it('logs and counts what handlers throw, and continues', async () => {
    const testLog = createTestLog();
    const informer = start({ log: testLog.log });
    informer.addHandler(() => {
      throw new Error('sloppy handler');
    });
    informer.addHandler(async () => {
      throw new Error('sloppy async handler');
    });
    (await server.next()).json(200, listOf('10', [thing('a', '5')]));
    const watch = await server.next();
    watch.open();
    watch.send('MODIFIED', thing('a', '11'));
    await vi.waitFor(() => expect(changes).toEqual(['a >5', 'a 5>11']), patience);
    await vi.waitFor(
      () => expect(events.filter((type) => type === 'handlerFailed')).toHaveLength(4),
      patience,
    );
    const messages = testLog.lines.map((line) => JSON.stringify(line.err));
    expect(messages.filter((message) => message.includes('sloppy'))).toHaveLength(4);
  });

  it('calls a handler that is added late with all known objects', async () => {
    const { informer } = await startSynced();
    const late: string[] = [];
    const remove = informer.addHandler((old, current) =>
      late.push(`${old?.metadata.name}>${current?.metadata.name}`),
    );
    expect(late).toEqual(['undefined>a', 'undefined>b']);
    remove();
  });

  it('finds objects by index', async () => {
    const labelled = (name: string, version: string, app: string) =>
      thing(name, version, { labels: { app } });
    const informer = start({ indexes: { app: (object) => Object.values(object.metadata.labels ?? {}) } });
    (await server.next()).json(200, listOf('10', [labelled('a', '5', 'web'), labelled('b', '6', 'web')]));
    const watch = await server.next();
    watch.open();
    watch.send('MODIFIED', labelled('b', '11', 'db'));
    await vi.waitFor(() => expect(changes).toHaveLength(3), patience);
    const names = (app: string) => informer.byIndex('app', app).map((object) => object.metadata.name);
    expect({ web: names('web'), db: names('db'), none: names('none') }).toEqual({
      web: ['a'],
      db: ['b'],
      none: [],
    });
    expect(() => informer.byIndex('owner', 'x')).toThrow("no index 'owner'");
  });

  it('does not keep managedFields', async () => {
    const { informer, watch } = await startSynced();
    watch.send('MODIFIED', thing('a', '11', { managedFields: [{ manager: 'kubectl' }] }));
    await vi.waitFor(() => expect(informer.get('demo/a')).toEqual(thing('a', '11')), patience);
  });

  it('reports every object again at each resync', async () => {
    await startSynced({ resyncMs: 20, idleMs: 5000 });
    await vi.waitFor(
      () => expect(changes.slice(2)).toEqual(expect.arrayContaining(['a 5>5', 'b 6>6'])),
      patience,
    );
  });

  it('stops in the middle of a watch when its signal fires, and closes the connection', async () => {
    const { informer, watch } = await startSynced();
    stop.abort(new Error('enough'));
    await Promise.all(running);
    await watch.closed;
    expect(informer.hasSynced()).toBe(true);
    expect(lines).toEqual([]);
    await expect(start().waitForSync(stop.signal)).rejects.toThrow('enough');
  });
});
