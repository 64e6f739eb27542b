import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isGone } from '../api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { createKubeClient } from '../client/create.ts';
import { startTestServer, statusOf, type TestServer } from '../testing/test-server.ts';
import { createTestLog, THINGS, thing } from '../testing/things.ts';

describe('a watch', () => {
  let server: TestServer;
  let client: KubeClient;
  beforeEach(async () => {
    server = await startTestServer();
    client = createKubeClient(server.kubeConfig, { log: createTestLog().log });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  const watch = () => client.watch(THINGS, { resourceVersion: '5', timeoutSeconds: 60, idleMs: 5000 });
  const collect = async (events: AsyncIterable<{ type: string; object: { metadata: { name: string } } }>) => {
    const seen: string[] = [];
    for await (const { type, object } of events) {
      seen.push(`${type} ${object.metadata.name}`);
    }
    return seen;
  };

  it('requests bookmarks and yields events until the server closes it', async () => {
    const seen = collect(watch());
    const request = await server.next();
    expect(Object.fromEntries(request.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      timeoutSeconds: '60',
    });
    request.open();
    request.send('ADDED', thing('ä', '6'));
    const bytes = Buffer.from(`${JSON.stringify({ type: 'DELETED', object: thing('ö', '7') })}\n`);
    request.raw(bytes.subarray(0, 40).toString());
    request.raw(bytes.subarray(40).toString());
    request.end();
    expect(await seen).toEqual(['ADDED ä', 'DELETED ö']);
  });

  it('reports ERROR events of any code', async () => {
    const seen = collect(watch());
    const request = await server.next();
    request.open();
    request.send('ERROR', statusOf(410, 'Expired', 'too old resource version'));
    const error = await seen.catch((caught: unknown) => caught);
    expect(isGone(error)).toBe(true);
    const other = collect(watch());
    const second = await server.next();
    second.open();
    second.send('ERROR', statusOf(500, 'InternalError', 'etcd is away'));
    await expect(other).rejects.toMatchObject({ status: 500, reason: 'InternalError' });
  });

  it.each(['{"type":"ADDED","object":{"meta', 'null\n', '<html>\n', '{"type":"ADDED","object":3}\n'])(
    'reports the line %j as no event',
    async (line) => {
      const seen = collect(watch());
      const request = await server.next();
      request.open();
      request.raw(line);
      request.end();
      await expect(seen).rejects.toMatchObject({ reason: 'InvalidAnswer' });
    },
  );

  it('treats a connection that is silent for too long as dead', async () => {
    const events = client.watch(THINGS, { resourceVersion: '5', timeoutSeconds: 60, idleMs: 50 });
    const seen = collect(events);
    const request = await server.next();
    request.open();
    await expect(seen).rejects.toMatchObject({ reason: 'DeadlineExceeded' });
    await request.closed;
  });
});
