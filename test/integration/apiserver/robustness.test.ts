import { once } from 'node:events';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedProgram } from '../../kubernetes/embedded.ts';
import { callerOf } from './differential/transcript.ts';
import {
  ADMIN_TOKEN,
  CONFIG_MAPS,
  configMap,
  newWorld,
  WIDGETS,
  type World,
  widget,
  widgetCrd,
} from './world.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WATCHES = 1000;
const ROUNDS = 50;
const SECRET = 'c2VjcmV0LXZhbHVl';

describe('a server that is badly treated', () => {
  let world: World;
  const logged: string[] = [];

  beforeAll(async () => {
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        logged.push(chunk.toString());
        done();
      },
    });
    world = await newWorld({ log: pino({ level: 'trace' }, sink) });
  });

  afterAll(() => world.end());

  async function rawSocket(): Promise<TLSSocket> {
    const { hostname, port } = new URL(world.url);
    const socket = connect({ host: hostname, port: Number(port), ca: world.pki.ca.cert });
    await once(socket, 'secureConnect');
    return socket;
  }

  it.each([
    ['JSON', 'application/json', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['an object', 'application/json', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['YAML', 'application/yaml', '['.repeat(20_000)],
  ])('refuses %s that is nested without end', async (_, type, body) => {
    const { status } = await world.api.call('POST', CONFIG_MAPS, { type, body });
    expect(status).toBe(400);
    const patched = await world.api.call('PATCH', `${CONFIG_MAPS}/x?fieldManager=m`, {
      type: type === 'application/yaml' ? 'application/apply-patch+yaml' : 'application/merge-patch+json',
      body,
    });
    expect(patched.status).toBe(400);
  });

  it('serves others while a request stays half-written', async () => {
    const socket = await rawSocket();
    const head = `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"apiVersion"`);
    expect((await world.api.post(CONFIG_MAPS, configMap('meanwhile'))).status).toBe(201);
    socket.destroy();
    expect((await world.api.get(`${CONFIG_MAPS}/meanwhile`)).status).toBe(200);
  });

  it('makes no object of a kind that went while the request was being sent', async () => {
    const socket = await rawSocket();
    const body = JSON.stringify(widget('late'));
    const head = `POST ${WIDGETS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n`;
    socket.write(
      `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
    );
    // By the answer to another request the server has read what came before.
    await world.api.get(WIDGETS);
    await world.api.delete(`${CRDS}/widgets.example.com`);
    while ((await world.api.get(WIDGETS)).status !== 404) await setImmediate();
    socket.write(body.slice(9));
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1.1 404 /);
    expect((await world.api.post(CRDS, await widgetCrd())).status).toBe(201);
    let reply = await world.api.get(WIDGETS);
    for (; reply.status === 404; reply = await world.api.get(WIDGETS)) await setImmediate();
    expect(reply.body.items).toEqual([]);
  });

  it('takes a long request that follows a long answer at once', async () => {
    // A process of its own: within this one the answer is always out before it is read.
    const server = await startEmbeddedProgram();
    try {
      const api = await callerOf(server.kubeconfigPath);
      for (let round = 0; round < ROUNDS; round += 1) {
        const body = configMap('long', { round: String(round), text: 'x'.repeat(300_000) });
        const type = 'application/apply-patch+yaml';
        const path = `${CONFIG_MAPS}/long?fieldManager=test`;
        expect((await api.call('PATCH', path, { body, type })).status).toBe(round === 0 ? 201 : 200);
      }
      api.close();
    } finally {
      await server.stop();
    }
  });

  it('tells a thousand watchers of one change', async () => {
    const { body: list } = await world.api.get(CONFIG_MAPS);
    const path = `${CONFIG_MAPS}?watch=1&resourceVersion=${list.metadata.resourceVersion}`;
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`;
    // HTTP/1.1 has one watch per connection; TLS handshakes come in bunches, so as not to overrun the backlog.
    const sockets: TLSSocket[] = [];
    while (sockets.length < WATCHES) {
      sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => rawSocket()))));
    }
    const told = sockets.map(async (socket) => {
      let text = '';
      socket.write(request);
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        text += chunk.toString();
        if (text.includes('"ADDED"')) return true;
      }
      return false;
    });
    await world.api.post(CONFIG_MAPS, configMap('storm'));
    expect((await Promise.all(told)).every((seen) => seen)).toBe(true);
    for (const socket of sockets) socket.destroy();
    expect((await world.api.get(`${CONFIG_MAPS}/storm`)).status).toBe(200);
  });

  it('keeps the data of secrets out of its log', async () => {
    const path = '/api/v1/namespaces/default/secrets';
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: SECRET } };
    await world.api.post(path, secret);
    await world.api.post(path, { ...secret, data: { a: `${SECRET}!` } });
    await world.api.merge(`${path}/s?fieldValidation=Strict`, { data: { b: SECRET }, odd: SECRET });
    await world.api.get(`${path}/s`);
    const log = logged.join('');
    expect(log).toContain('the API server listens');
    expect(log).not.toContain(SECRET);
    expect(log).not.toContain(ADMIN_TOKEN);
  });
});
