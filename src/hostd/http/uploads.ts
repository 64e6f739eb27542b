import type { Readable } from 'node:stream';
import { uploadParams, uploadQuery } from '../../host/layer-schemas.ts';
import type { UploadKey } from '../uploads/upload-store.ts';
import type { App, RouteContext } from './context.ts';

type Part = { readonly offset: string; readonly total: string };

const BYTES = 'application/octet-stream';

/** Files that users push, to be imported as templates. */
export function uploadRoutes(app: App, { uploads }: RouteContext): void {
  // A piece is written while it comes.
  app.addContentTypeParser(BYTES, (_request, payload, done) => done(null, payload));

  app.get<{ Params: UploadKey }>(
    '/v1/uploads/:namespace/:sha256',
    { schema: { params: uploadParams } },
    ({ params }) => uploads.status(params),
  );

  app.put<{ Params: UploadKey; Querystring: Part; Body: Readable }>(
    '/v1/uploads/:namespace/:sha256',
    { schema: { params: uploadParams, querystring: uploadQuery } },
    ({ params, query, body }) =>
      uploads.append(params, {
        offset: Number(query.offset),
        totalBytes: Number(query.total),
        body,
      }),
  );
}
