import type { DesiredLayer } from '../../host/protocol.ts';
import { desiredLayerSchema, sha256Params } from '../../host/schemas.ts';
import { hostErrors } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';

type Digest = { readonly sha256: string };

export function layerRoutes(app: App, { layers }: RouteContext): void {
  const schema = { params: sha256Params };

  app.get('/v1/layers', () => ({ layers: layers.list() }));

  app.get<{ Params: Digest }>('/v1/layers/:sha256', { schema }, ({ params }) => {
    const status = layers.get(params.sha256);
    if (status === undefined) throw hostErrors.noSuchLayer(params.sha256);
    return status;
  });

  app.put<{ Params: Digest; Body: DesiredLayer }>(
    '/v1/layers/:sha256',
    { schema: { ...schema, body: desiredLayerSchema } },
    ({ params, body }) => layers.put(params.sha256, body),
  );

  app.delete<{ Params: Digest }>('/v1/layers/:sha256', { schema }, async ({ params }, reply) => {
    await layers.delete(params.sha256);
    return reply.code(204).send();
  });
}
