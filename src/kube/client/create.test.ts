import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { listOf, startTestServer, statusOf, type TestServer } from '../testing/test-server.ts';
import { createTestLog, THINGS, thing } from '../testing/things.ts';
import type { KubeClient } from './client.ts';
import { type CallObservation, createKubeClient } from './create.ts';
import { listAll } from './list-all.ts';

const named = { namespace: 'demo', name: 'a' };

describe('a client', () => {
  let server: TestServer;
  let client: KubeClient;
  let calls: CallObservation[];
  let lines: Record<string, unknown>[];
  beforeEach(async () => {
    server = await startTestServer();
    calls = [];
    const testLog = createTestLog();
    lines = testLog.lines;
    client = createKubeClient(server.kubeConfig, {
      log: testLog.log,
      observe: (call) => calls.push(call),
      userAgent: 'coppice-test',
    });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  it('reads an object, as the user of the kubeconfig', async () => {
    const answer = client.get(THINGS, named);
    const request = await server.next();
    expect(request).toMatchObject({ method: 'GET', path: '/apis/test.dev/v1/namespaces/demo/things/a' });
    expect(request.headers).toMatchObject({ authorization: 'Bearer secret', 'user-agent': 'coppice-test' });
    request.json(200, thing('a', '1'));
    expect(await answer).toEqual(thing('a', '1'));
    expect(calls).toEqual([
      {
        method: 'GET',
        plural: 'things',
        subresource: undefined,
        status: 200,
        durationMs: expect.any(Number),
      },
    ]);
  });

  it('reuses its connections', async () => {
    for (let round = 0; round < 10; round += 1) {
      const answer = client.get(THINGS, named);
      (await server.next()).json(200, thing('a', '1'));
      await answer;
    }
    // The pool may open a second one while it tidies up the first.
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it('finds undefined, and deletes without an error, when there is no object', async () => {
    const found = client.find(THINGS, named);
    (await server.next()).json(404, statusOf(404, 'NotFound', 'things "a" not found'));
    expect(await found).toBeUndefined();
    const deleted = client.delete(THINGS, named);
    (await server.next()).json(404, statusOf(404, 'NotFound', 'things "a" not found'));
    await deleted;
  });

  it.each([
    ['create', () => client.create(THINGS, thing('a', '1')), 'POST', '/things', 'application/json'],
    ['replace', () => client.replace(THINGS, thing('a', '1')), 'PUT', '/things/a', 'application/json'],
    [
      'patch',
      () => client.patch(THINGS, named, { spec: { x: 1 } }),
      'PATCH',
      '/things/a',
      'application/merge-patch+json',
    ],
    [
      'JSON patch',
      () => client.patch(THINGS, named, [{ op: 'add', path: '/spec/x', value: 1 }]),
      'PATCH',
      '/things/a',
      'application/json-patch+json',
    ],
    [
      'apply',
      () => client.apply(THINGS, thing('a', '1'), { fieldManager: 'me' }),
      'PATCH',
      '/things/a',
      'application/apply-patch+yaml',
    ],
    [
      'applyStatus',
      () => client.applyStatus(THINGS, thing('a', '1'), { fieldManager: 'me' }),
      'PATCH',
      '/things/a/status',
      'application/apply-patch+yaml',
    ],
  ])('sends a %s as the API server expects it', async (_verb, send, method, path, contentType) => {
    const answer = send();
    const request = await server.next();
    expect(request).toMatchObject({ method, path: `/apis/test.dev/v1/namespaces/demo${path}` });
    expect(request.headers['content-type']).toBe(contentType);
    if (contentType.startsWith('application/apply')) {
      expect(Object.fromEntries(request.query)).toEqual({ fieldManager: 'me', force: 'true' });
    }
    request.json(200, thing('a', '2'));
    expect(await answer).toEqual(thing('a', '2'));
  });

  it('sends the preconditions of a deletion', async () => {
    const deleted = client.delete(THINGS, named, {
      propagationPolicy: 'Foreground',
      preconditions: { uid: 'u' },
    });
    const request = await server.next();
    expect(JSON.parse(request.body)).toMatchObject({
      propagationPolicy: 'Foreground',
      preconditions: { uid: 'u' },
    });
    request.json(200, statusOf(200, '', ''));
    await deleted;
  });

  it('reports a refusal with its reason and each of its causes', async () => {
    const answer = client.create(THINGS, thing('a', '1'));
    const causes = [{ reason: 'FieldValueInvalid', message: 'must be positive', field: 'spec.size' }];
    (await server.next()).json(422, statusOf(422, 'Invalid', 'Thing "a" is invalid', { causes }));
    await expect(answer).rejects.toMatchObject({
      name: 'ApiError',
      status: 422,
      reason: 'Invalid',
      message: 'create Thing demo/a: Thing "a" is invalid',
      causes,
    });
  });

  it('waits as long as an overloaded server says, and tries again', async () => {
    const answer = client.create(THINGS, thing('a', '1'));
    (await server.next()).json(429, statusOf(429, 'TooManyRequests', 'busy'), { 'retry-after': '0' });
    (await server.next()).json(503, statusOf(503, 'ServiceUnavailable', 'busy'), { 'retry-after': '0' });
    (await server.next()).json(201, thing('a', '1'));
    expect(await answer).toEqual(thing('a', '1'));
  });

  it('rejects with the time to wait when an overload lasts longer than the deadline', async () => {
    const answer = client.get(THINGS, named);
    (await server.next()).json(429, statusOf(429, 'TooManyRequests', 'busy'), { 'retry-after': '90' });
    await expect(answer).rejects.toMatchObject({ status: 429, retryAfterSeconds: 90 });
    expect(server.count).toBe(1);
  });

  it('does not repeat a write that may have happened', async () => {
    const answer = client.create(THINGS, thing('a', '1'));
    (await server.next()).reset();
    await expect(answer).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
    expect(server.count).toBe(1);
  });

  it('repeats a read whose connection broke', async () => {
    const answer = client.get(THINGS, named);
    (await server.next()).reset();
    (await server.next()).json(200, thing('a', '1'));
    expect(await answer).toEqual(thing('a', '1'));
  });

  it('quotes an answer that is not JSON', async () => {
    const answer = client.get(THINGS, named);
    (await server.next()).text(200, '<html>Please log in</html>');
    await expect(answer).rejects.toMatchObject({
      reason: 'InvalidAnswer',
      message: expect.stringContaining('Please log in'),
    });
    const second = client.get(THINGS, named);
    (await server.next()).text(502, '<html>Bad Gateway</html>');
    await expect(second).rejects.toMatchObject({
      status: 502,
      message: expect.stringContaining('Bad Gateway'),
    });
  });

  it('ends with the caller’s reason when the caller gives up', async () => {
    const controller = new AbortController();
    const answer = client.get(THINGS, named, { signal: controller.signal });
    await server.next();
    controller.abort(new Error('shutting down'));
    await expect(answer).rejects.toThrow('shutting down');
  });

  it('names the server that does not answer', async () => {
    await server.close();
    const error = await client.get(THINGS, named).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 0,
      reason: 'Unreachable',
      message: expect.stringContaining('127.0.0.1'),
    });
  });

  it('logs each warning of the server once', async () => {
    for (let round = 0; round < 2; round += 1) {
      const answer = client.get(THINGS, named);
      (await server.next()).json(200, thing('a', '1'), { warning: '299 - "old"' });
      await answer;
    }
    expect(lines).toMatchObject([{ warning: '299 - "old"' }]);
  });

  it('lists page by page, and in one piece when the server drops the version of the first page', async () => {
    const pages = listAll(client, THINGS);
    (await server.next()).json(200, listOf('7', [{ metadata: { name: 'a' } }], 'token'));
    const second = await server.next();
    expect(second.query.get('continue')).toBe('token');
    second.json(200, listOf('7', [thing('b', '2')]));
    const list = await pages;
    expect(list.resourceVersion).toBe('7');
    expect(list.items.map((item) => [item.kind, item.metadata.name])).toEqual([
      ['Thing', 'a'],
      ['Thing', 'b'],
    ]);

    const again = listAll(client, THINGS);
    (await server.next()).json(200, listOf('8', [thing('a', '1')], 'token'));
    (await server.next()).json(410, statusOf(410, 'Expired', 'too old'));
    const whole = await server.next();
    expect(whole.query.has('limit')).toBe(false);
    whole.json(200, listOf('9', [thing('a', '1'), thing('b', '2')]));
    expect((await again).items).toHaveLength(2);
  });

  it.each(['', '.', '..', 'a/b', 'a%2fb'])(
    'refuses the name %j, which is not a path segment',
    async (name) => {
      await expect(client.get(THINGS, { namespace: 'demo', name })).rejects.toThrow('cannot be the name');
      expect(server.count).toBe(0);
    },
  );
});
