import { desiredLayerSchema, identityParams, verifyRequestSchema } from '../../host/layer-schemas.ts';
import type { DesiredLayer, VerifyRequest } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';

type Named = { readonly identity: string };

export function layerRoutes(app: App, { layers }: RouteContext): void {
  const schema = { params: identityParams };

  app.get('/v1/layers', () => ({ layers: layers.list() }));

  app.get<{ Params: Named }>('/v1/layers/:identity', { schema }, ({ params }) => {
    const status = layers.get(params.identity);
    if (status === undefined) throw hostErrors.noSuchLayer(params.identity);
    return status;
  });

  app.put<{ Params: Named; Body: DesiredLayer }>(
    '/v1/layers/:identity',
    { schema: { ...schema, body: desiredLayerSchema } },
    ({ params, body }) => layers.put(params.identity, body),
  );

  app.post<{ Params: Named; Body: VerifyRequest }>(
    '/v1/layers/:identity/verify',
    { schema: { ...schema, body: verifyRequestSchema } },
    ({ params, body }, reply) => reply.code(202).send(layers.verify(params.identity, body.request)),
  );

  app.delete<{ Params: Named }>('/v1/layers/:identity', { schema }, async ({ params }, reply) => {
    await layers.delete(params.identity);
    return reply.code(204).send();
  });
}
