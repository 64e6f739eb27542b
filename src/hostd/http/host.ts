import { hostErrors } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';
import { openApiDocument } from './openapi.ts';

/** The host itself, and the daemon's health, metrics and API description. */
export function hostRoutes(app: App, { host, metrics, version, stopping }: RouteContext): void {
  const status = () => {
    const measured = host.status();
    if (measured === undefined || stopping.aborted) throw hostErrors.stopping();
    return measured;
  };
  app.get('/v1/host', status);
  app.get('/healthz', (_, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_, reply) => {
    status();
    return reply.type('text/plain').send('ok\n');
  });
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  app.get('/openapi.json', () => openApiDocument(version));
}
