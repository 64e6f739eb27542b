import type { RouteOptions } from 'fastify';
import type { App } from './context.ts';

/**
 * Has the server's `close` wait until every handler has ended, those of clients that are gone, too. Otherwise a handler would begin
 * something after all else was stopped, and write to the state directory of the daemon that comes next.
 */
export function closeWhenHandlersEnded(app: App): void {
  const running = new Set<Promise<unknown>>();
  app.addHook('onRoute', (route: RouteOptions) => {
    const { handler } = route;
    route.handler = function (...request) {
      const handled: unknown = handler.apply(this, request);
      if (!(handled instanceof Promise)) return handled;
      const ended: Promise<unknown> = handled.then(
        () => running.delete(ended),
        () => running.delete(ended),
      );
      running.add(ended);
      return handled;
    };
  });
  app.addHook('onClose', async () => {
    await Promise.all(running);
  });
}
