import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FastifyError, fastify } from 'fastify';
import type { Logger } from 'pino';
import { pathOf } from '../../base/shown-url.ts';
import type { ErrorBody } from '../../host/protocol.ts';
import { HostError, hostErrors, messageOf, toHostError, toProblem } from '../errors/index.ts';
import { ajv, invalid } from '../validate.ts';
import { applianceRoutes } from './appliances.ts';
import { Callers } from './callers.ts';
import type { App, RouteContext } from './context.ts';
import { eventRoutes } from './events.ts';
import { hostRoutes } from './host.ts';
import { importRoutes } from './imports.ts';
import { transferRoutes } from './layer-transfer.ts';
import { layerRoutes } from './layers.ts';
import { closeWhenHandlersEnded } from './running.ts';
import { sealRoutes } from './seals.ts';
import { streamUpgrades } from './upgrades.ts';
import { uploadRoutes } from './uploads.ts';

export type TlsFiles = {
  /** PEMs: the daemon's certificate and key, and the authority that issues clients' certificates. */
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
};

/** Inline packages are part of the body, in base64; a ConfigMap of one megabyte fits easily. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

/** A command of 64 KiB is part of the URL, where each byte may become three. */
export const MAX_HEADER_BYTES = 256 * 1024;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether other hosts may call it, and not operators alone; the route then asks which. */
    readonly openToHosts?: boolean;
  }
}

/** A server that lets in whom it should, and answers errors as all routes do. */
export function createApp(tls: TlsFiles, callers: Callers, log: Logger): App {
  const app: App = fastify<Server>({
    https: {
      cert: tls.cert,
      key: tls.key,
      ca: tls.clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
  });
  closeWhenHandlersEnded(app);
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema));
  app.setSchemaErrorFormatter((errors, where) => invalid(errors, `the ${where}`));
  app.setNotFoundHandler((request) => {
    throw hostErrors.noSuchRoute(request.method, request.url);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = asHostError(error);
    if (failure.status >= 500) log.error({ err: error, path: pathOf(request.url) }, 'a request failed');
    const { field } = failure;
    const body: ErrorBody = { error: { ...toProblem(failure), ...(field === undefined ? {} : { field }) } };
    return reply.code(failure.status).send(body);
  });
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    if (routeOptions.config?.openToHosts === true) callers.of(raw.socket);
    else callers.requireOperator(raw.socket);
  });
  return app;
}

/** The API over HTTPS. A client's certificate authenticates it, and the names in the certificate authorize it. */
export function createServer(tls: TlsFiles, context: RouteContext, log: Logger): App {
  const callers = new Callers();
  const app = createApp(tls, callers, log);
  const things = [applianceRoutes, importRoutes, layerRoutes, sealRoutes, uploadRoutes];
  for (const routes of [hostRoutes, eventRoutes, ...things]) routes(app, context);
  const { clock, layers } = context;
  transferRoutes(app, { layers, callers, clock, log });
  streamUpgrades(app, context, (socket) => callers.requireOperator(socket), log);
  return app;
}

/** Uses these certificates from the next connection on. Open connections stay. */
export function renewTls(app: App, { cert, key, clientCa }: TlsFiles): void {
  app.server.setSecureContext({ cert, key, ca: clientCa, minVersion: 'TLSv1.2' });
}

/** Starts to listen. Resolves with the server's address as a URL, and its port. */
export async function listen(app: App, host: string, port: number): Promise<{ url: string; port: number }> {
  await app.listen({ host, port });
  const address = app.server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `https://${name}:${address.port}`, port: address.port };
}

function asHostError(error: FastifyError): HostError {
  if (error instanceof HostError) return error;
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return new HostError('InvalidRequest', messageOf(error), { kind: 'refused', status });
  }
  return toHostError(error);
}
