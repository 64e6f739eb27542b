import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { openStream, StreamRefused } from './stream-client.ts';
import { CHANNELS, encodeMessage, exitStatus, STREAM_PROTOCOL } from './streams.ts';

let server: Server | undefined;

afterEach(() => server?.closeAllConnections());

/** A server that speaks to each WebSocket as the test says. Resolves with its address. */
async function serve(speak: (webSocket: WebSocket) => void): Promise<string> {
  const http = createServer((_request, answer) => answer.writeHead(409).end('{"error":{}}'));
  server = http;
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  http.on('upgrade', (request, socket, head) => {
    expect(request.headers['sec-websocket-protocol']).toBe(STREAM_PROTOCOL);
    if (request.url === '/refused') socket.end('HTTP/1.1 409 Conflict\r\nContent-Length: 6\r\n\r\nin use');
    else sockets.handleUpgrade(request, socket, head, speak);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

const finish = (webSocket: WebSocket, code: number) => {
  webSocket.send(encodeMessage(CHANNELS.error, Buffer.from(JSON.stringify(exitStatus(code)))));
  webSocket.close(1000);
};

describe('openStream', () => {
  it('keeps the outputs apart, and what was sent before the listeners were there', async () => {
    const url = await serve((webSocket) => {
      webSocket.send(encodeMessage(CHANNELS.stdout, Buffer.from('out')));
      webSocket.send(encodeMessage(CHANNELS.stderr, Buffer.from('err')));
      finish(webSocket, 3);
    });
    const stream = await openStream({ url });
    expect(await stream.ended).toEqual(exitStatus(3));
    expect(await text(stream.stdout)).toBe('out');
    expect(await text(stream.stderr)).toBe('err');
    stream.stdin.write('nobody reads this any more');
    stream.resize({ Width: 80, Height: 24 });
  });

  it('sends the input, its end, and sizes', async () => {
    const received: number[][] = [];
    const url = await serve((webSocket) => {
      webSocket.on('message', (message: Buffer) => {
        received.push([...message.subarray(0, 2)]);
        if (message[0] === CHANNELS.close) finish(webSocket, 0);
      });
    });
    const stream = await openStream({ url });
    stream.resize({ Width: 80, Height: 24 });
    stream.stdin.end(Buffer.alloc(70_000, 7));
    await stream.ended;
    expect(received).toEqual([
      [4, '{'.charCodeAt(0)],
      [0, 7],
      [0, 7],
      [255, 0],
    ]);
  });

  it('lets the server wait for a reader that is behind, and loses nothing', async () => {
    const content = randomBytes(16 * 1024 * 1024);
    let sending: WebSocket | undefined;
    const url = await serve((webSocket) => {
      sending = webSocket;
      for (let at = 0; at < content.length; at += 65_536) {
        webSocket.send(encodeMessage(CHANNELS.stdout, content.subarray(at, at + 65_536)));
      }
      finish(webSocket, 0);
    });
    const stream = await openStream({ url });
    await delay(300);
    expect(sending?.bufferedAmount).toBeGreaterThan(0);
    const hash = createHash('sha256');
    await pipeline(stream.stdout, hash);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(await stream.ended).toEqual(exitStatus(0));
  });

  it('passes on an HTTP answer', async () => {
    const url = await serve(() => undefined);
    const refused = openStream({ url: `${url}/refused` });
    await expect(refused).rejects.toBeInstanceOf(StreamRefused);
    await expect(refused).rejects.toMatchObject({ status: 409, body: 'in use' });
  });

  it('rejects when there is no server', async () => {
    const url = await serve(() => undefined);
    server?.close();
    await expect(openStream({ url })).rejects.toThrow(/ECONNREFUSED/);
  });

  it.each([
    ['ends the connection', (webSocket: WebSocket) => webSocket.terminate(), /closed before the end/],
    ['sends no JSON', (webSocket: WebSocket) => webSocket.send(encodeMessage(3, Buffer.from('{'))), /JSON/],
  ])('does not know how it ended when the server %s', async (_what, speak, message) => {
    const stream = await openStream({ url: await serve(speak) });
    await expect(stream.ended).rejects.toThrow(message);
    stream.close();
    expect(await text(stream.stdout)).toBe('');
  });
});
