import { desiredSealSchema } from '../../host/layer-schemas.ts';
import type { DesiredSeal } from '../../host/protocol.ts';
import { uuidParams } from '../../host/schemas.ts';
import type { App, RouteContext } from './context.ts';

type Named = { readonly uuid: string };

export function sealRoutes(app: App, { seals }: RouteContext): void {
  const schema = { params: uuidParams };

  app.get('/v1/seals', () => ({ seals: seals.list() }));

  app.put<{ Params: Named; Body: DesiredSeal }>(
    '/v1/seals/:uuid',
    { schema: { ...schema, body: desiredSealSchema } },
    ({ params, body }) => seals.put(params.uuid, body),
  );

  app.delete<{ Params: Named }>('/v1/seals/:uuid', { schema }, async ({ params }, reply) => {
    await seals.delete(params.uuid);
    return reply.code(204).send();
  });
}
