import type { ServerResponse } from 'node:http';
import type { HostEvent } from '../../host/protocol.ts';
import type { NumberedEvent } from '../events.ts';
import type { App, RouteContext } from './context.ts';

/** A reader with more unread bytes is disconnected. It resumes where it was when it connects again. */
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
  // Nothing is awaited between writing the past events and subscribing, so that no event is lost in between.
  for (const message of beginning(lastEventId, context)) response.write(message);
  // The past events do not count, however many they are.
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
    // Unsubscribes before the end: an event written after the end would be an error that ends the daemon.
    stop();
    response.end();
  };
  context.stopping.addEventListener('abort', end, { once: true });
  response.on('close', stop);
}

/** The events that the reader missed; if they are not known any more, `reset` and the whole state. */
function beginning(lastEventId: string | undefined, context: RouteContext): readonly string[] {
  const missed = context.events.after(lastEventId);
  if (missed !== undefined) return missed.map(encode);
  const all = everything(context);
  // Only the last one has an id: a reader that is disconnected before it starts again from the beginning.
  return all.map((event, index) =>
    index === all.length - 1 ? encode({ id: context.events.lastId, event }) : data(event),
  );
}

function everything({ host, imports, layers, seals, appliances }: RouteContext): readonly HostEvent[] {
  const status = host.status();
  return [
    { type: 'reset' },
    ...imports.list().map((one): HostEvent => ({ type: 'import', import: one })),
    ...layers.list().map((layer): HostEvent => ({ type: 'layer', layer })),
    ...seals.list().map((seal): HostEvent => ({ type: 'seal', seal })),
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
