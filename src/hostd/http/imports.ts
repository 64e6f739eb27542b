import { desiredImportSchema, importQuery, sha256Params } from '../../host/layer-schemas.ts';
import type { DesiredImport, ImportKey } from '../../host/protocol.ts';
import type { App, RouteContext } from './context.ts';

type Digest = { readonly sha256: string };

export function importRoutes(app: App, { imports }: RouteContext): void {
  const schema = { params: sha256Params };

  app.get('/v1/imports', () => ({ imports: imports.list() }));

  app.put<{ Params: Digest; Body: DesiredImport }>(
    '/v1/imports/:sha256',
    { schema: { ...schema, body: desiredImportSchema } },
    ({ params, body }) => imports.put(params.sha256, body),
  );

  app.delete<{ Params: Digest; Querystring: Omit<ImportKey, 'sha256'> }>(
    '/v1/imports/:sha256',
    { schema: { ...schema, querystring: importQuery } },
    async ({ params, query }, reply) => {
      await imports.delete({ ...params, ...query });
      return reply.code(204).send();
    },
  );
}
