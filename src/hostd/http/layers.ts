import type { DesiredLayer, LayerKind } from '../../host/protocol.ts';
import { desiredLayerSchema, layerQuery, sha256Params } from '../../host/schemas.ts';
import { hostErrors } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';

type Digest = { readonly sha256: string };
type Kind = { readonly kind?: LayerKind };

export function layerRoutes(app: App, { layers }: RouteContext): void {
  const schema = { params: sha256Params };
  const ofKind = { ...schema, querystring: layerQuery };

  app.get('/v1/layers', () => ({ layers: layers.list() }));

  app.get<{ Params: Digest; Querystring: Kind }>(
    '/v1/layers/:sha256',
    { schema: ofKind },
    ({ params, query }) => {
      const status = layers.get(params.sha256, query.kind);
      if (status === undefined) throw hostErrors.noSuchLayer(params.sha256);
      return status;
    },
  );

  app.put<{ Params: Digest; Body: DesiredLayer }>(
    '/v1/layers/:sha256',
    { schema: { ...schema, body: desiredLayerSchema } },
    ({ params, body }) => layers.put(params.sha256, body),
  );

  app.delete<{ Params: Digest; Querystring: Kind }>(
    '/v1/layers/:sha256',
    { schema: ofKind },
    async ({ params, query }, reply) => {
      await layers.delete(params.sha256, query.kind);
      return reply.code(204).send();
    },
  );
}
