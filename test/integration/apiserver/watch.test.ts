import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, newWorld, WIDGETS, type World, type WorldOptions, widget } from './world.ts';

const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com';

let world: World | undefined;

async function start(options: WorldOptions = {}): Promise<World> {
  world = await newWorld(options);
  return world;
}

afterEach(async () => {
  await world?.end();
  world = undefined;
});

describe('watch', () => {
  it('tells what happens after a list, in order', async () => {
    const { api } = await start();
    const { body } = await api.get(WIDGETS);
    const watch = await api.watch(`${WIDGETS}?resourceVersion=${body.metadata.resourceVersion}`);
    await api.post(WIDGETS, widget('a'));
    await api.merge(`${WIDGETS}/a`, { spec: { colour: 'blue' } });
    await api.post(CONFIG_MAPS, configMap('unrelated'));
    await api.delete(`${WIDGETS}/a`);
    expect(await watch.take(3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    watch.close();
  });

  it('resumes where it was broken off, even when the server was restarted in between', async () => {
    const { api } = await start();
    const created = await api.post(WIDGETS, widget('a'));
    await api.merge(`${WIDGETS}/a`, { spec: { colour: 'blue' } });
    await world?.stop();
    await world?.start();
    const again = world?.api;
    await again?.delete(`${WIDGETS}/a`);
    const watch = await again?.watch(`${WIDGETS}?resourceVersion=${created.body.metadata.resourceVersion}`);
    expect(await watch?.take(2)).toEqual(['MODIFIED a', 'DELETED a']);
    watch?.close();
  });

  it('sends what is there first, then a bookmark that says so', async () => {
    const { api } = await start();
    await api.post(WIDGETS, widget('a'));
    await api.post(WIDGETS, widget('b'));
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await api.watch(`${WIDGETS}?${query}`);
    expect(await watch.take(2)).toEqual(['ADDED a', 'ADDED b']);
    const bookmark = await watch.next();
    expect(bookmark?.type).toBe('BOOKMARK');
    expect(bookmark?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    await api.post(WIDGETS, widget('c'));
    expect(await watch.take(1)).toEqual(['ADDED c']);
    watch.close();
  });

  it('sends bookmarks that move on with changes of other resources', async () => {
    const { api } = await start({ bookmarkIntervalMs: 20 });
    const { body } = await api.get(WIDGETS);
    const before = Number(body.metadata.resourceVersion);
    const watch = await api.watch(`${WIDGETS}?resourceVersion=${before}&allowWatchBookmarks=true`);
    const other = await api.post(CONFIG_MAPS, configMap('other'));
    for (;;) {
      const event = await watch.next();
      expect(event?.type).toBe('BOOKMARK');
      if (Number(event?.object.metadata.resourceVersion) >= Number(other.body.metadata.resourceVersion))
        break;
    }
    watch.close();
  });

  it('ends by itself after timeoutSeconds, with a last bookmark', async () => {
    const { api } = await start();
    const watch = await api.watch(`${WIDGETS}?timeoutSeconds=1&allowWatchBookmarks=true`);
    const types = (await watch.rest()).map(({ type }) => type);
    expect(types).toEqual(['BOOKMARK']);
  });

  it('answers 410 when the history asked for is compacted', async () => {
    const { api } = await start({ history: { maxChanges: 5 } });
    const first = await api.post(CONFIG_MAPS, configMap('a'));
    for (let index = 0; index < 20; index++)
      await api.merge(`${CONFIG_MAPS}/a`, { data: { index: `${index}` } });
    const version = first.body.metadata.resourceVersion;
    const watch = await api.watch(`${CONFIG_MAPS}?resourceVersion=${version}`);
    const [error, ...more] = await watch.rest();
    expect(error).toMatchObject({
      type: 'ERROR',
      object: { code: 410, reason: 'Expired', status: 'Failure' },
    });
    expect(more).toEqual([]);
    const list = await api.get(`${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect([list.status, list.body.reason]).toEqual([410, 'Expired']);
  });

  it('turns changes into additions and deletions as objects begin and cease to match', async () => {
    const { api } = await start();
    const { body } = await api.get(WIDGETS);
    const from = `resourceVersion=${body.metadata.resourceVersion}`;
    const labelled = await api.watch(`${WIDGETS}?${from}&labelSelector=on%20in%20(yes)`);
    const blue = await api.watch(`${WIDGETS}?${from}&fieldSelector=spec.colour%3Dblue`);
    await api.post(WIDGETS, widget('a'));
    await api.merge(`${WIDGETS}/a`, { metadata: { labels: { on: 'yes' } }, spec: { colour: 'blue' } });
    await api.merge(`${WIDGETS}/a`, { spec: { note: 'still' } });
    const last = await api.merge(`${WIDGETS}/a`, {
      metadata: { labels: { on: 'no' } },
      spec: { colour: 'green' },
    });
    for (const watch of [labelled, blue]) {
      expect(await watch.take(2)).toEqual(['ADDED a', 'MODIFIED a']);
      const gone = await watch.next();
      expect(gone?.type).toBe('DELETED');
      expect(gone?.object.metadata.resourceVersion).toBe(last.body.metadata.resourceVersion);
      expect(gone?.object.metadata.labels).toEqual({ on: 'yes' });
      watch.close();
    }
  });

  it('sends rows when a table is asked for, the columns only once', async () => {
    const { api } = await start();
    await api.post(WIDGETS, widget('a'));
    await api.post(WIDGETS, widget('b'));
    const watch = await api.watch(WIDGETS, { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    const tables = [await watch.next(), await watch.next()].map(
      (event) =>
        event?.object as unknown as { columnDefinitions: unknown[] | null; rows: { cells: unknown[] }[] },
    );
    expect(tables.map(({ columnDefinitions }) => columnDefinitions?.length)).toEqual([6, undefined]);
    expect(tables.map(({ rows }) => rows[0]?.cells.slice(0, 3))).toEqual([
      ['a', 'green', 1],
      ['b', 'green', 1],
    ]);
    watch.close();
  });

  it('is not held up by a client that does not read', async () => {
    const { api } = await start();
    const slow = await api.open('GET', `${CONFIG_MAPS}?watch=1`);
    slow.pause();
    const quick = await api.watch(CONFIG_MAPS);
    const big = 'x'.repeat(500_000);
    await api.post(CONFIG_MAPS, configMap('big', { big }));
    for (let index = 0; index < 30; index++)
      await api.merge(`${CONFIG_MAPS}/big`, { data: { index: `${index}` } });
    const seen = await quick.take(31);
    expect(seen.at(-1)).toBe('MODIFIED big');
    slow.destroy();
    quick.close();
  });

  it('ends with its kind, at whichever moment of the deletion it begins', async () => {
    const { api } = await start();
    const opened = Array.from({ length: 20 }, () => api.open('GET', `${WIDGETS}?watch=1`));
    const deleted = api.delete(CRD);
    opened.push(...Array.from({ length: 40 }, () => api.open('GET', `${WIDGETS}?watch=1`)));
    const responses = await Promise.all(opened);
    expect((await deleted).status).toBe(200);
    const ends = responses.map(async (response) => {
      response.resume();
      await once(response, 'end');
      return response.statusCode;
    });
    const codes = new Set(await Promise.all(ends));
    expect([200, 404]).toEqual(expect.arrayContaining([...codes]));
    expect(codes).toContain(200);
  });

  it('ends in good order when the server stops', async () => {
    const { api } = await start();
    const response = await api.open('GET', `${WIDGETS}?watch=1`);
    response.resume();
    const ended = once(response, 'end');
    await world?.stop();
    await ended;
    expect(response.complete).toBe(true);
  });
});
