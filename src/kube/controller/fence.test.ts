import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient } from '../client/client.ts';
import { createKubeClient } from '../client/create.ts';
import { startTestServer, statusOf, type TestServer } from '../testing/test-server.ts';
import { createTestLog, THINGS, thing } from '../testing/things.ts';
import { TransientError } from './errors.ts';
import { fenceWrites } from './fence.ts';

const named = { namespace: 'demo', name: 'a' };
const writes: readonly [string, (client: KubeClient) => Promise<unknown>][] = [
  ['create', (client) => client.create(THINGS, thing('a', '1'))],
  ['replace', (client) => client.replace(THINGS, thing('a', '1'))],
  ['delete', (client) => client.delete(THINGS, named)],
  ['patch', (client) => client.patch(THINGS, named, {})],
  ['apply', (client) => client.apply(THINGS, thing('a', '1'), { fieldManager: 'me' })],
  ['applyStatus', (client) => client.applyStatus(THINGS, thing('a', '1'), { fieldManager: 'me' })],
];

describe('a fenced client', () => {
  let server: TestServer;
  let client: KubeClient;
  let mayWrite: boolean;
  let lost: AbortController;
  beforeEach(async () => {
    server = await startTestServer();
    lost = new AbortController();
    client = fenceWrites(createKubeClient(server.kubeConfig, { log: createTestLog().log }), {
      isLeader: () => mayWrite,
      lost: lost.signal,
    });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  it.each(writes)('passes %s on while it may write, and not afterwards', async (_verb, write) => {
    mayWrite = true;
    const answer = write(client);
    (await server.next()).json(200, thing('a', '2'));
    await answer;
    mayWrite = false;
    await expect(write(client)).rejects.toThrow(TransientError);
    expect(server.count).toBe(1);
  });

  it('does not send a write that waited for a connection until it may not write any more', async () => {
    mayWrite = true;
    // As many as there are connections keep all others waiting.
    const first = Array.from({ length: 16 }, () => client.get(THINGS, named));
    const taken = await Promise.all(first.map(() => server.next()));
    const waiting = writes.map(([, write]) => expect(write(client)).rejects.toThrow('not the leader'));
    mayWrite = false;
    for (const request of taken) request.json(200, thing('a', '2'));
    await Promise.all([...first, ...waiting]);
    expect(server.count).toBe(16);
  });

  it('does not retry on an overloaded server when it may not write any more', async () => {
    mayWrite = true;
    const answer = client.create(THINGS, thing('a', '1'));
    const request = await server.next();
    mayWrite = false;
    request.json(429, statusOf(429, 'TooManyRequests', 'busy'), { 'retry-after': '0' });
    await expect(answer).rejects.toThrow('not the leader');
    expect(server.count).toBe(1);
  });

  it.each(writes)(
    'ends %s under way when leadership is lost, so that it does not arrive later',
    async (_verb, write) => {
      mayWrite = true;
      const answer = expect(write(client)).rejects.toThrow('leadership is lost');
      const request = await server.next();
      lost.abort(new Error('leadership is lost'));
      await answer;
      await request.closed;
    },
  );

  it('still reads', async () => {
    mayWrite = false;
    const answer = client.get(THINGS, named);
    (await server.next()).json(200, thing('a', '2'));
    expect(await answer).toEqual(thing('a', '2'));
  });
});
