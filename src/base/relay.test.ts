import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { headBytes, join, webSocketHeaders } from './relay.ts';

const closed = async (stream: Duplex) => {
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
};

describe('join', () => {
  it('passes all on that one side sent before its end, however slow the other is', async () => {
    const [one, sender] = duplexPair();
    sender.resume();
    const received: Buffer[] = [];
    const slow = new Duplex({
      highWaterMark: 1,
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        received.push(chunk);
        setTimeout(done, 1);
      },
    });
    join(one, slow);
    const sent = Array.from({ length: 50 }, (_, at) => Buffer.from(`${at} `));
    for (const piece of sent) sender.write(piece);
    sender.end();
    await closed(slow);
    expect(Buffer.concat(received).toString()).toBe(Buffer.concat(sent).toString());
  });

  it.each(['end', 'loss'] as const)('closes the other side after the %s of one', async (how) => {
    for (const isFirst of [true, false]) {
      const [[left, caller], [right, daemon]] = [duplexPair(), duplexPair()];
      join(left, right);
      const [gone, other] = isFirst ? [left, daemon] : [right, caller];
      const text = buffer(other);
      (isFirst ? caller : daemon).resume();
      if (how === 'loss') gone.destroy(new Error('ECONNRESET'));
      else (isFirst ? caller : daemon).end('last words');
      expect((await text).toString()).toBe(how === 'loss' ? '' : 'last words');
      await closed(isFirst ? right : left);
    }
  });

  it('closes the other side of a connection that was lost before', async () => {
    // As those of HTTP servers and upgrades are.
    const halfOpen = { allowHalfOpen: true };
    const server = createServer(halfOpen, (socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const isFirst of [true, false]) {
      const [gone, other] = [connect({ port, ...halfOpen }), connect({ port, ...halfOpen })];
      await Promise.all([once(gone, 'connect'), once(other, 'connect')]);
      const lost = once(gone, 'close');
      gone.destroy();
      await lost;
      join(...((isFirst ? [gone, other] : [other, gone]) as [Duplex, Duplex]));
      await closed(other);
    }
    server.close();
  });
});

describe('a WebSocket that is passed on', () => {
  const request = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;

  it('keeps what both ends agree on, and neither token nor anything else', () => {
    const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret').toString('base64url')}`;
    const headers = webSocketHeaders(
      request({
        upgrade: 'websocket',
        'sec-websocket-key': 'key',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': `${token}, v5.channel.k8s.io`,
        authorization: 'Bearer secret',
        cookie: 'secret',
        'x-remote-user': 'root',
      }),
    );
    expect(headers).toEqual({
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'key',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    });
  });

  it('answers with the head that came', () => {
    const rawHeaders = ['Upgrade', 'websocket', 'Sec-WebSocket-Accept', 'x='];
    const head = { statusCode: 101, statusMessage: 'Switching Protocols', rawHeaders };
    expect(headBytes(head as unknown as IncomingMessage)).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x=\r\n\r\n',
    );
  });
});
