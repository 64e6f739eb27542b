import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import type { App } from './context.ts';
import { closeWhenHandlersEnded } from './running.ts';

it('closes when the last handler has ended, though its client is gone', async () => {
  const app = fastify({ forceCloseConnections: true });
  closeWhenHandlersEnded(app as unknown as App);
  const begun = Promise.withResolvers<void>();
  const work = Promise.withResolvers<void>();
  app.put('/slow', async () => {
    begun.resolve();
    await work.promise;
    throw new Error('it fails, too');
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const gone = new AbortController();
  const asked = fetch(`${url}/slow`, { method: 'PUT', signal: gone.signal }).catch(() => 'gave up');
  await begun.promise;
  gone.abort();
  await expect(asked).resolves.toBe('gave up');
  let isClosed = false;
  const closed = app.close().then(() => {
    isClosed = true;
  });
  // A server that waits for its connections alone has closed by now.
  await expect(fetch(url)).rejects.toThrow();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(false);
  work.resolve();
  await closed;
});
