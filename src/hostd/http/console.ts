import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CONSOLE_PROTOCOL } from '../../host/protocol.ts';
import { type HostError, hostErrors, toHostError, toProblem } from '../errors/index.ts';
import type { App, RouteContext } from './context.ts';

const PATH = /^\/v1\/appliances\/([0-9a-f-]{36})\/console$/;

/**
 * `GET /v1/appliances/{uuid}/console` with `Upgrade: coppice-console`: after the answer 101 the connection carries the VM's console,
 * in both directions. `authorize` throws when the caller has no permission.
 */
export function consoleUpgrade(app: App, context: RouteContext, authorize: (socket: object) => void): void {
  const open = new Set<Duplex>();
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    open.add(socket);
    // A caller that disconnects at any point must not end the daemon.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    connect(context, request, socket, head, authorize).catch((error: unknown) =>
      refuse(socket, toHostError(error)),
    );
  });
  app.addHook('preClose', () => {
    for (const socket of open) socket.destroy();
  });
}

async function connect(
  { appliances, driver }: RouteContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  authorize: (socket: object) => void,
): Promise<void> {
  authorize(socket);
  const uuid = PATH.exec(request.url ?? '')?.[1];
  if (uuid === undefined || request.headers.upgrade !== CONSOLE_PROTOCOL) {
    throw hostErrors.noSuchRoute(request.method ?? '', request.url ?? '');
  }
  const directory = appliances.directoryOf(uuid);
  if (directory === undefined) throw hostErrors.noSuchAppliance(uuid);
  const vm = await driver.openConsole(directory.path);
  if (socket.destroyed) {
    // The caller has disconnected: nobody would ever close this console, and it would stay in use.
    vm.destroy();
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${CONSOLE_PROTOCOL}\r\n\r\n`,
  );
  vm.write(head);
  // When one side ends, orderly or not, the other is closed: there is nobody left to report to.
  for (const [from, to] of [
    [vm, socket],
    [socket, vm],
  ] as const) {
    from.pipe(to);
    from.once('error', () => to.destroy());
    from.once('close', () => to.destroy());
  }
}

function refuse(socket: Duplex, error: HostError): void {
  const body = JSON.stringify({ error: toProblem(error) });
  const head = `HTTP/1.1 ${error.status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}
