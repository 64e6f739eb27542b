import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createProber } from '../../../src/hostd/drivers/common/prober.ts';
import { createHostNetwork } from '../../../src/hostd/network/links.ts';

describe('probes from the host', () => {
  const prober = createProber(systemClock, createHostNetwork(systemClock, process.env.PATH ?? ''));
  const servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((closed) => server.close(closed))));
  });

  async function listen(server: Server): Promise<number> {
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function closedPort(): Promise<number> {
    const server = createServer();
    const port = await listen(server);
    servers.splice(servers.indexOf(server), 1);
    await new Promise((closed) => server.close(closed));
    return port;
  }

  it('tells the status of the first answer, redirects not followed', async () => {
    const port = await listen(
      createHttpServer((request, response) => {
        if (request.url === '/moved') response.writeHead(302, { location: '/' }).end();
        else response.writeHead(503).end('later');
      }),
    );
    expect(await prober.http(`http://127.0.0.1:${port}/`, 20_000)).toBe(503);
    expect(await prober.http(`http://127.0.0.1:${port}/moved`, 20_000)).toBe(302);
  });

  it('does not wait for the end of an endless answer', async () => {
    const port = await listen(
      createHttpServer((_, response) => {
        response.writeHead(200);
        response.write('and so on');
      }),
    );
    expect(await prober.http(`http://127.0.0.1:${port}/`, 20_000)).toBe(200);
  });

  it('rejects when nothing answers', async () => {
    const port = await listen(createHttpServer(() => undefined));
    await expect(prober.http(`http://127.0.0.1:${port}/`, 50)).rejects.toThrow(/time/i);
    await expect(prober.http(`http://127.0.0.1:${await closedPort()}/`, 20_000)).rejects.toThrow(
      /ECONNREFUSED/,
    );
    await expect(prober.tcp('127.0.0.1', await closedPort(), 20_000)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('takes a connection for an answer only when it stays open', async () => {
    const open = await listen(createServer((socket) => socket.on('error', () => socket.destroy())));
    await prober.tcp('127.0.0.1', open, 20_000);
    const greeting = await listen(createServer((socket) => socket.end('220 welcome\r\n')));
    await prober.tcp('127.0.0.1', greeting, 20_000);
    const slamming = await listen(createServer((socket) => socket.destroy()));
    await expect(prober.tcp('127.0.0.1', slamming, 20_000)).rejects.toThrow(/closed|ECONNRESET/);
  });
});
