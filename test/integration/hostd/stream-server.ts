import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pino } from 'pino';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import type { PreparedProgram } from '../../../src/hostd/guest/guest.ts';
import type { App, RouteContext } from '../../../src/hostd/http/context.ts';
import { MAX_HEADER_BYTES } from '../../../src/hostd/http/server.ts';
import { streamUpgrades } from '../../../src/hostd/http/upgrades.ts';

const UUID = '00000000-0000-4000-8000-000000000001';

type Behaviour = {
  readonly openConsole?: () => Promise<Duplex>;
  readonly prepare?: (options: { readonly terminal: boolean }) => Promise<PreparedProgram>;
  readonly clock?: Clock;
};

/** The daemon's streams alone, without TLS, for one appliance. */
export async function streamServer({ openConsole, prepare, clock = systemClock }: Behaviour) {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (_request, answer) =>
    answer.writeHead(404).end(),
  );
  const hooks: (() => Promise<void>)[] = [];
  const stopping = new AbortController();
  const closedGuests: string[] = [];
  const guest = (uuid: string) => ({ prepare, close: () => closedGuests.push(uuid) });
  const appliances = { directoryOf: (uuid: string) => (uuid === UUID ? { path: '/vm' } : undefined) };
  const context = { appliances, driver: { openConsole, guest }, clock, stopping: stopping.signal };
  const addHook = (_name: string, hook: () => Promise<void>) => hooks.push(hook);
  const app = { server, addHook, get: () => undefined };
  streamUpgrades(
    app as unknown as App,
    context as unknown as RouteContext,
    () => undefined,
    pino({ level: 'silent' }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    /** How often a guest was let go. */
    closedGuests,
    url: (path: string) => `${base}/v1/appliances/${UUID}/${path}`,
    /** As the daemon ends. */
    stop: async () => {
      stopping.abort();
      for (const hook of hooks) await hook();
    },
    close: async () => {
      stopping.abort();
      for (const hook of hooks) await hook();
      server.close();
    },
  };
}

export type StreamServer = Awaited<ReturnType<typeof streamServer>>;
