import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { createTestLog, THINGS, thing } from '../testing/things.ts';
import type { KubeClient } from './client.ts';
import { createKubeClient } from './create.ts';

const named = { namespace: 'demo', name: 'a' };

/** How long to wait for what happens within milliseconds unless the machine is busy. */
const patience = { timeout: 20_000 };

/** Long enough that the request arrives before, on a busy machine, too. */
const DEADLINE_MS = 1000;

describe('a client of a server that falls silent', () => {
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

  it('gives up at its deadline, before or within the answer', async () => {
    const silent = expect(client.get(THINGS, named, { timeoutMs: DEADLINE_MS })).rejects.toMatchObject({
      status: 0,
      reason: 'DeadlineExceeded',
    });
    await server.next();
    await silent;
    const halfway = expect(client.get(THINGS, named, { timeoutMs: DEADLINE_MS })).rejects.toMatchObject({
      status: 0,
      reason: 'DeadlineExceeded',
    });
    const request = await server.next();
    request.open();
    request.raw('{"metadata":');
    await halfway;
  });

  it('gives up at its deadline when credentials do not arrive', async () => {
    server.kubeConfig.addAuthenticator({
      isAuthProvider: () => true,
      applyAuthentication: () => new Promise(() => undefined),
    });
    const answer = client.get(THINGS, named, { timeoutMs: 50 });
    await expect(answer).rejects.toMatchObject({ status: 0, reason: 'DeadlineExceeded' });
    expect(server.count).toBe(0);
  });

  it('uses new connections after one fell silent', async () => {
    const first = client.get(THINGS, named);
    (await server.next()).json(200, thing('a', '1'));
    await first;
    const silent = expect(client.get(THINGS, named, { timeoutMs: DEADLINE_MS })).rejects.toMatchObject({
      reason: 'DeadlineExceeded',
    });
    const port = (await server.next()).clientPort;
    await silent;
    const next = client.get(THINGS, named);
    const request = await server.next();
    expect(request.clientPort).not.toBe(port);
    request.json(200, thing('a', '1'));
    await next;
  });

  /** Opens a watch, and resolves once its first event is there. */
  const startWatch = async (following: KubeClient) => {
    const times = { timeoutSeconds: 600, idleMs: 600_000 };
    const events = following.watch(THINGS, { resourceVersion: '5', ...times })[Symbol.asyncIterator]();
    const first = events.next();
    const request = await server.next();
    request.open();
    request.send('ADDED', thing('a', '6'));
    await first;
    return { events, request };
  };

  it('keeps its watches after a timeout while the server answers', async () => {
    const { events, request } = await startWatch(client);
    const silent = expect(client.get(THINGS, named, { timeoutMs: DEADLINE_MS })).rejects.toMatchObject({
      reason: 'DeadlineExceeded',
    });
    await server.next();
    const probes = server.probes;
    await silent;
    await vi.waitFor(() => expect(server.probes).toBeGreaterThan(probes), patience);
    request.send('MODIFIED', thing('a', '7'));
    expect((await events.next()).value).toMatchObject({ type: 'MODIFIED' });
  });

  it('ends everything that waits on connections on which the server does not answer any more', async () => {
    const clock = createFakeClock();
    const quiet = createKubeClient(server.kubeConfig, { log: createTestLog().log, clock });
    try {
      const { events, request } = await startWatch(quiet);
      await vi.waitFor(() => expect(server.probes).toBe(1), patience);
      server.answersProbes = false;
      const ended = expect(events.next()).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
      const patch = expect(quiet.patch(THINGS, named, {})).rejects.toMatchObject({ reason: 'Unreachable' });
      await server.next();
      await vi.waitFor(async () => {
        await clock.advance(1000);
        expect(server.connections).toBe(0);
      }, patience);
      await Promise.all([ended, patch, request.closed]);
      server.answersProbes = true;
      const again = await startWatch(quiet);
      await again.events.return?.(undefined);
    } finally {
      await quiet.close();
    }
    expect(clock.timers).toBe(0);
  });
});
