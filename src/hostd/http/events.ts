import type { ServerResponse } from 'node:http';
import type { HostEvent } from '../../host/protocol.ts';
import type { NumberedEvent } from '../events.ts';
import type { App, RouteContext } from './context.ts';

/** A reader that lets this much pile up is cut off: it resumes from where it was when it is ready to read. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export function eventRoutes(app: App, context: RouteContext): void {
  app.get('/v1/events', (request, reply) => {
    const lastEventId = request.headers['last-event-id'];
    reply.hijack();
    stream(reply.raw, typeof lastEventId === 'string' ? lastEventId : undefined, context);
  });
}

function stream(response: ServerResponse, lastEventId: string | undefined, context: RouteContext): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  // Nothing is awaited between looking back and listening on: no event falls between the two.
  for (const message of beginning(lastEventId, context)) response.write(message);
  // However much the beginning is: who reads it is not cut off for its length.
  const limit = response.writableLength + MAX_UNREAD_BYTES;
  const unsubscribe = context.events.subscribe((event) => {
    if (response.writableLength > limit) response.destroy();
    else response.write(encode(event));
  });
  const heartbeat = setInterval(() => response.write(':\n\n'), context.heartbeatMs);
  const stop = () => {
    unsubscribe();
    clearInterval(heartbeat);
    context.stopping.removeEventListener('abort', end);
  };
  const end = () => {
    // Before the end: an event that is written behind it would be an error that ends the daemon.
    stop();
    response.end();
  };
  context.stopping.addEventListener('abort', end, { once: true });
  response.on('close', stop);
}

/** What the reader missed; or, when that is not known, `reset` and everything there is. */
function beginning(lastEventId: string | undefined, context: RouteContext): readonly string[] {
  const missed = context.events.after(lastEventId);
  if (missed !== undefined) return missed.map(encode);
  const all = everything(context);
  // Only the last one carries an id: who is cut off before it begins anew.
  return all.map((event, index) =>
    index === all.length - 1 ? encode({ id: context.events.lastId, event }) : data(event),
  );
}

function everything({ host, layers, appliances }: RouteContext): readonly HostEvent[] {
  const status = host.status();
  return [
    { type: 'reset' },
    ...layers.list().map((layer): HostEvent => ({ type: 'layer', layer })),
    ...appliances.list().map((appliance): HostEvent => ({ type: 'appliance', appliance })),
    ...(status === undefined ? [] : [{ type: 'host', host: status } satisfies HostEvent]),
  ];
}

function encode({ id, event }: NumberedEvent): string {
  return `id: ${id}\n${data(event)}`;
}

function data(event: HostEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
