import { EventEmitter, once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CONSOLE_PROTOCOL } from '../../host/protocol.ts';
import { consoleUpgrade } from './console.ts';
import type { App, RouteContext } from './context.ts';

const UUID = '00000000-0000-4000-8000-000000000001';

/** A server with one appliance, whose console opens when the test resolves it. */
function serverWith(openConsole: () => Promise<Duplex>): EventEmitter {
  const server = new EventEmitter();
  const context = { appliances: { directoryOf: () => ({ path: '/vm' }) }, driver: { openConsole } };
  const app = { server, addHook: () => undefined };
  consoleUpgrade(app as unknown as App, context as unknown as RouteContext, () => undefined);
  return server;
}

/** Unlike `once`, also resolves after an error. */
const closed = (stream: Duplex) => new Promise<void>((resolve) => stream.once('close', () => resolve()));

const request = { url: `/v1/appliances/${UUID}/console`, headers: { upgrade: CONSOLE_PROTOCOL } };

describe('consoleUpgrade', () => {
  it('closes the console, and keeps running, when the caller disconnects while the console is opened', async () => {
    const opened = Promise.withResolvers<Duplex>();
    const server = serverWith(() => opened.promise);
    const [socket] = duplexPair();
    server.emit('upgrade', request, socket, Buffer.alloc(0));
    socket.destroy(new Error('ECONNRESET'));
    await closed(socket);
    const [vm] = duplexPair();
    opened.resolve(vm);
    await once(vm, 'close');
    expect(vm.destroyed).toBe(true);
  });

  it('closes the console when its caller disconnects', async () => {
    const [vm, guest] = duplexPair();
    const [socket, caller] = duplexPair();
    serverWith(async () => vm).emit('upgrade', request, socket, Buffer.alloc(0));
    expect(String(await once(caller, 'data'))).toMatch(/^HTTP\/1.1 101 /);
    guest.write('login: ');
    expect(String(await once(caller, 'data'))).toBe('login: ');
    socket.destroy(new Error('ECONNRESET'));
    await once(vm, 'close');
    expect(vm.destroyed).toBe(true);
  });
});
