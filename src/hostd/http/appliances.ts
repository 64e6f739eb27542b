import { LONGEST_SERVICE_LOG_BYTES } from '../../domain/services/service-log.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { consoleQuery, desiredApplianceSchema, uuidParams } from '../../host/schemas.ts';
import { serviceLogOf } from '../appliance/service-log.ts';
import { hostErrors } from '../errors/index.ts';
import { checkNetwork } from '../network/request.ts';
import type { App, RouteContext } from './context.ts';

type Uuid = { readonly uuid: string };

const DEFAULT_CONSOLE_BYTES = 16_384;

export function applianceRoutes(app: App, { appliances, driver }: RouteContext): void {
  app.get('/v1/appliances', () => ({ appliances: appliances.list() }));

  app.get<{ Params: Uuid }>('/v1/appliances/:uuid', { schema: { params: uuidParams } }, ({ params }) => {
    const status = appliances.get(params.uuid);
    if (status === undefined) throw hostErrors.noSuchAppliance(params.uuid);
    return status;
  });

  app.put<{ Params: Uuid; Body: DesiredAppliance }>(
    '/v1/appliances/:uuid',
    { schema: { params: uuidParams, body: desiredApplianceSchema } },
    ({ params, body }) => {
      if (body.uuid !== params.uuid) {
        throw hostErrors.invalidRequest(`uuid ${body.uuid} is not the address's ${params.uuid}`, '/uuid');
      }
      checkNetwork(body.network);
      return appliances.put(body);
    },
  );

  app.delete<{ Params: Uuid }>(
    '/v1/appliances/:uuid',
    { schema: { params: uuidParams } },
    async ({ params }, reply) => {
      const status = await appliances.delete(params.uuid);
      return reply.code(202).send(status);
    },
  );

  app.get<{ Params: Uuid; Querystring: { bytes?: string } }>(
    '/v1/appliances/:uuid/console',
    { schema: { params: uuidParams, querystring: consoleQuery } },
    async ({ params, query }, reply) => {
      const directory = appliances.directoryOf(params.uuid);
      if (directory === undefined) throw hostErrors.noSuchAppliance(params.uuid);
      const bytes = query.bytes === undefined ? DEFAULT_CONSOLE_BYTES : Number(query.bytes);
      return reply.type('text/plain; charset=utf-8').send(await driver.consoleTail(directory.path, bytes));
    },
  );

  app.get<{ Params: Uuid; Querystring: { bytes?: string } }>(
    '/v1/appliances/:uuid/service-log',
    { schema: { params: uuidParams, querystring: consoleQuery } },
    async ({ params, query }, reply) => {
      const directory = appliances.directoryOf(params.uuid);
      const desired = appliances.desiredOf(params.uuid);
      if (directory === undefined || desired === undefined) throw hostErrors.noSuchAppliance(params.uuid);
      const bytes = Math.min(Number(query.bytes ?? DEFAULT_CONSOLE_BYTES), LONGEST_SERVICE_LOG_BYTES);
      const log = await serviceLogOf(driver, desired, directory.path, bytes);
      return reply.type('text/plain; charset=utf-8').send(log);
    },
  );
}
