import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient, type KubeClient } from './client.ts';
import { TransientError } from './errors.ts';
import { fenceWrites } from './fence.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';
import { createTestLog, THINGS, thing } from './testing/things.ts';

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
  beforeEach(async () => {
    server = await startTestServer();
    client = fenceWrites(createKubeClient(server.kubeConfig, { log: createTestLog().log }), () => mayWrite);
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  it.each(writes)('lets %s through while it may write, and not afterwards', async (_verb, write) => {
    mayWrite = true;
    const answer = write(client);
    (await server.next()).json(200, thing('a', '2'));
    await answer;
    mayWrite = false;
    await expect(write(client)).rejects.toThrow(TransientError);
    expect(server.count).toBe(1);
  });

  it('reads all the same', async () => {
    mayWrite = false;
    const answer = client.get(THINGS, named);
    (await server.next()).json(200, thing('a', '2'));
    expect(await answer).toEqual(thing('a', '2'));
  });
});
