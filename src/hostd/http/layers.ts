import {
  desiredLayerSchema,
  identityParams,
  layerLogQuery,
  verifyRequestSchema,
} from '../../host/layer-schemas.ts';
import type { DesiredLayer, LayerLogQuery, VerifyRequest } from '../../host/protocol.ts';
import { BuildLog } from '../appliance/build/log.ts';
import { hostErrors } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';
import { sendLog } from './follow.ts';

type Named = { readonly identity: string };

export function layerRoutes(app: App, context: RouteContext): void {
  const { buildLogs, layers } = context;
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

  app.get<{ Params: Named; Querystring: LayerLogQuery }>(
    '/v1/layers/:identity/log',
    { schema: { ...schema, querystring: layerLogQuery } },
    ({ params: { identity }, query: { namespace, source = 'build', ...query } }, reply) => {
      const log = new BuildLog(buildLogs.filesOf(identity, namespace)[source]);
      return sendLog(reply, context, query, async (bytes) => {
        const kept = await log.tail(bytes);
        if (kept === undefined) throw hostErrors.noLayerLog(identity, namespace);
        return kept;
      });
    },
  );

  app.delete<{ Params: Named }>('/v1/layers/:identity', { schema }, async ({ params }, reply) => {
    await layers.delete(params.identity);
    return reply.code(204).send();
  });
}
