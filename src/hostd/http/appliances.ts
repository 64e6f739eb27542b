import { LONGEST_SERVICE_LOG_BYTES } from '../../domain/services/service-log.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { desiredApplianceSchema, logQuery, uuidParams } from '../../host/schemas.ts';
import { BuildLog } from '../appliance/build/log.ts';
import { serviceLogOf } from '../appliance/service-log.ts';
import { hostErrors } from '../errors/index.ts';
import { checkNetwork } from '../network/request.ts';
import type { App, RouteContext } from './context.ts';
import { type LogQuery, sendLog } from './follow.ts';

type Uuid = { readonly uuid: string };

export function applianceRoutes(app: App, context: RouteContext): void {
  const { appliances, driver } = context;
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

  app.get<{ Params: Uuid; Querystring: LogQuery }>(
    '/v1/appliances/:uuid/console',
    { schema: { params: uuidParams, querystring: logQuery } },
    ({ params: { uuid }, query }, reply) => {
      if (appliances.directoryOf(uuid) === undefined) throw hostErrors.noSuchAppliance(uuid);
      return sendLog(reply, context, query, async (bytes) => {
        const directory = appliances.directoryOf(uuid);
        return directory === undefined ? undefined : driver.consoleTail(directory.path, bytes);
      });
    },
  );

  app.get<{ Params: Uuid; Querystring: LogQuery }>(
    '/v1/appliances/:uuid/build-log',
    { schema: { params: uuidParams, querystring: logQuery } },
    ({ params: { uuid }, query }, reply) => {
      const desired = appliances.desiredOf(uuid);
      if (desired === undefined) throw hostErrors.noSuchAppliance(uuid);
      if (desired.build === undefined) throw hostErrors.noBuildLog(uuid);
      return sendLog(reply, context, query, async (bytes) => {
        const directory = appliances.directoryOf(uuid);
        return directory === undefined
          ? undefined
          : ((await new BuildLog(directory.buildLogPath).tail(bytes)) ?? '');
      });
    },
  );

  app.get<{ Params: Uuid; Querystring: LogQuery }>(
    '/v1/appliances/:uuid/service-log',
    { schema: { params: uuidParams, querystring: logQuery } },
    ({ params: { uuid }, query }, reply) => {
      if (appliances.desiredOf(uuid) === undefined) throw hostErrors.noSuchAppliance(uuid);
      return sendLog(reply, context, query, async (bytes) => {
        const directory = appliances.directoryOf(uuid);
        const desired = appliances.desiredOf(uuid);
        if (directory === undefined || desired === undefined) return undefined;
        return serviceLogOf(driver, desired, directory.path, Math.min(bytes, LONGEST_SERVICE_LOG_BYTES));
      });
    },
  );
}
