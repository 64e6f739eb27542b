import { once } from 'node:events';
import { request } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openStream } from '../../../src/host/stream-client.ts';
import { STREAM_PROTOCOL, successStatus } from '../../../src/host/streams.ts';
import { hostErrors } from '../../../src/hostd/errors/index.ts';
import { type StreamServer, streamServer } from './stream-server.ts';

const nobodys = '00000000-0000-4000-8000-000000000002';

let server: StreamServer;

afterEach(() => server.close());

/** A daemon whose appliance has this console. */
async function withConsole(openConsole: () => Promise<Duplex>) {
  server = await streamServer({ openConsole });
  return server.url('console');
}

describe('the console over a WebSocket', () => {
  it('passes on what is typed and printed, and ends when the VM does', async () => {
    const [vm, guest] = duplexPair();
    const console = await openStream({ url: await withConsole(async () => vm) });
    console.resize({ Width: 80, Height: 24 });
    console.stdin.write('root\n');
    expect(String(await once(guest, 'data'))).toBe('root\n');
    guest.write('login: ');
    expect(String(await once(console.stdout, 'data'))).toBe('login: ');
    console.stdin.end();
    guest.write('still here');
    expect(String(await once(console.stdout, 'data'))).toBe('still here');
    guest.end();
    expect(await console.ended).toEqual(successStatus());
    expect(await text(console.stderr)).toBe('');
  });

  it('holds no more than a bound of what the VM prints, and loses none of it', async () => {
    const [vm, guest] = duplexPair();
    const console = await openStream({ url: await withConsole(async () => vm) });
    const line = Buffer.alloc(64 * 1024, 'x');
    let taken = 0;
    for (let sent = 0; sent < 400; sent += 1) guest.write(line, () => (taken += 1));
    await vi.waitFor(() => expect(taken).toBeGreaterThan(0));
    let before = -1;
    await vi.waitFor(
      () => {
        const same = taken === before;
        before = taken;
        expect(same).toBe(true);
      },
      { interval: 200, timeout: 10_000 },
    );
    expect(taken).toBeLessThan(350);
    guest.end();
    expect((await text(console.stdout)).length).toBe(400 * line.length);
  });

  it('closes the console when the caller disconnects, also while it is opened', async () => {
    const [first] = duplexPair();
    const [second] = duplexPair();
    const opened = Promise.withResolvers<Duplex>();
    const consoles = [Promise.resolve(first), opened.promise];
    const url = await withConsole(() => consoles.shift() ?? Promise.reject(new Error('no more')));
    const caller = await openStream({ url });
    caller.close();
    await once(first, 'close');
    const late = openStream({ url, timeoutMs: 100 });
    await expect(late).rejects.toThrow(/timed out/);
    opened.resolve(second);
    await once(second, 'close');
    expect(second.destroyed).toBe(true);
  });

  it('answers over HTTP what is wrong before it opens', async () => {
    const url = await withConsole(() => Promise.reject(hostErrors.consoleUnavailable('it is in use')));
    await expect(openStream({ url })).rejects.toMatchObject({
      status: 409,
      body: expect.stringContaining('"reason":"ConsoleUnavailable"'),
    });
    const other = url.replace(/[^/]+\/console/, `${nobodys}/console`);
    await expect(openStream({ url: other })).rejects.toMatchObject({ status: 404 });
    await expect(openStream({ url: `${url}s` })).rejects.toMatchObject({ status: 404 });
  });

  it.each([
    ['another protocol', { 'sec-websocket-protocol': 'v4.channel.k8s.io' }],
    ['none', { 'sec-websocket-protocol': undefined }],
    ['another upgrade', { upgrade: 'coppice-console' }],
    ['an old version', { 'sec-websocket-version': '8' }],
    ['a broken key', { 'sec-websocket-key': 'x' }],
  ])('refuses %s', async (_what, change) => {
    const url = await withConsole(() => Promise.reject(new Error('it is not opened')));
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': STREAM_PROTOCOL,
      ...change,
    };
    const defined = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const asked = request(url, { headers: defined }).end();
    const [answer] = await once(asked, 'response');
    expect(answer.statusCode).toBe(400);
    expect(await text(answer)).toContain(STREAM_PROTOCOL);
  });

  it('tells that the daemon stops', async () => {
    const [vm] = duplexPair();
    const console = await openStream({ url: await withConsole(async () => vm) });
    const stopped = server.stop();
    expect(await console.ended).toMatchObject({ status: 'Failure', reason: 'Stopping', code: 503 });
    await stopped;
    expect(vm.destroyed).toBe(true);
  });
});
