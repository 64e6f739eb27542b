import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { Agent, type Dispatcher } from '../../../../src/base/http.ts';
import { createFakeClock } from '../../../../src/base/testing/fake-clock.ts';
import { createConnector } from '../../../../src/host/connector.ts';
import { hostServerName } from '../../../../src/host/protocol.ts';
import { CHUNK_BYTES } from '../../../../src/hostd/layers/content/chunks.ts';
import { eventually, withDirectory } from '../fixtures.ts';
import {
  createFleet,
  type Fleet,
  hostFolders,
  makeDisk,
  randomParts,
  receive,
  type Sealed,
  type Source,
  type SourceOptions,
  seal,
  startSource,
} from './fixtures.ts';

const MIB = 1024 * 1024;
const CHUNKS = 400;
const UNKNOWN = '0'.repeat(64);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await createFleet();
});

type Scene = {
  readonly layer: Sealed;
  readonly source: Source;
  readonly content: readonly Buffer[];
  readonly unfinished: string;
};

/** host-a has a layer of which the first chunks have data. */
async function withSource(
  options: Partial<SourceOptions>,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const [a, c] = [await hostFolders(directory, 'a'), await hostFolders(directory, 'c')];
    const scratch = join(directory, 'scratch');
    const parts = randomParts(0, CHUNKS);
    await makeDisk(scratch, 32 * MIB, parts);
    const layer = await seal(a.root, scratch, 'disk');
    const source = await startSource({ fleet, name: 'host-a', root: a.root, ...options });
    try {
      await work({
        layer,
        source,
        content: parts.map(({ content }) => content),
        unfinished: c.unfinished,
      });
    } finally {
      await source.close();
    }
  });
}

type Answer = { readonly status: number; readonly bytes: Buffer; readonly text: string };

/** Asks host-a with somebody's certificate. */
async function ask(
  { peer }: Source,
  who: { readonly cert: string; readonly key: string },
  path: string,
  body?: unknown,
): Promise<Answer> {
  const agent = new Agent({
    connect: createConnector({ ca: fleet.ca, ...who }, hostServerName('host-a')),
  });
  const method: Dispatcher.HttpMethod = body === undefined ? 'GET' : 'POST';
  const headers = { 'content-type': 'application/json' };
  try {
    const answer = await agent.request({
      origin: peer.url,
      path,
      method,
      ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, bytes, text: bytes.toString() };
  } finally {
    await agent.destroy();
  }
}

const chunksOf = (identity: string) => `/v1/layers/${identity}/chunks`;
const manifestOf = (identity: string) => `/v1/layers/${identity}/manifest`;
const FIRST = { ranges: [{ first: 0, count: 1 }] };

describe('who may read a layer', () => {
  it('is the host that the operator lets, and to others it is not there', async () => {
    const mayRead = (_: string, host: string) => host === 'host-c';
    await withSource({ mayRead }, async ({ source, layer: { identity } }) => {
      const { hosts } = fleet;
      expect(await ask(source, hosts['host-c'], manifestOf(identity))).toMatchObject({ status: 200 });
      expect(await ask(source, hosts['host-c'], chunksOf(identity), FIRST)).toMatchObject({ status: 200 });
      for (const [path, body] of [[manifestOf], [chunksOf, FIRST]] as const) {
        const forbidden = await ask(source, hosts['host-b'], path(identity), body);
        const unknown = await ask(source, hosts['host-c'], path(UNKNOWN), body);
        expect(forbidden.status).toBe(404);
        expect(forbidden.text).toBe(unknown.text.replaceAll(UNKNOWN, identity));
      }
    });
  });

  it('is an operator, whatever hosts may, and nobody else', async () => {
    await withSource({ mayRead: () => false }, async ({ source, layer: { identity } }) => {
      expect(await ask(source, fleet.operator, manifestOf(identity))).toMatchObject({ status: 200 });
      const stranger = await ask(source, fleet.stranger, manifestOf(identity));
      expect(stranger).toMatchObject({ status: 403, text: expect.stringContaining('[others]') });
    });
  });

  it('gets nothing else: other calls are for operators, as before', async () => {
    await withSource({}, async ({ source }) => {
      expect(await ask(source, fleet.operator, '/v1/other')).toMatchObject({ status: 200 });
      for (const path of ['/v1/other', '/v1/no-such-call'])
        expect(await ask(source, fleet.hosts['host-c'], path)).toMatchObject({
          status: 403,
          text: expect.stringContaining('NotAuthorized'),
        });
    });
  });

  it('has a certificate, and one for clients', async () => {
    await withSource({}, async ({ source, layer, unfinished }) => {
      const path = manifestOf(layer.identity);
      await expect(ask(source, fleet.serverOnly, path)).rejects.toThrow();
      await expect(ask(source, { cert: '', key: '' }, path)).rejects.toThrow();
      const asking = { fleet, directory: unfinished, peers: [source.peer] };
      const credentials = { ca: fleet.ca, ...fleet.serverOnly };
      await expect(receive(layer, { ...asking, credentials })).rejects.toMatchObject({
        reason: 'CertificateNotForClients',
        kind: 'stalled',
        message: expect.stringContaining('replace it by one that is for clients, too'),
      });
    });
  });
});

describe('what is asked for', () => {
  it('comes in the order of the ranges', async () => {
    await withSource({}, async ({ source, layer: { identity }, content }) => {
      const ranges = [
        { first: 150, count: 20 },
        { first: 3, count: 1 },
      ];
      const { bytes } = await ask(source, fleet.operator, chunksOf(identity), { ranges });
      const wanted = Buffer.concat([...content.slice(150, 170), content[3] as Buffer]);
      expect(bytes.length).toBe(21 * CHUNK_BYTES);
      expect(bytes.equals(wanted)).toBe(true);
    });
  });

  it.each([
    ['chunks behind the last', [{ first: 511, count: 2 }], 'the chunks 511 to 512 are not all data'],
    ['chunks without data', [{ first: 399, count: 2 }], 'the chunks 399 to 400 are not all data'],
    ['no chunks', [], '0 chunks are asked for'],
    ['too many', Array.from({ length: 1024 }, () => ({ first: 0, count: 2 })), '2048 chunks are asked for'],
    ['too many in one range', [{ first: 0, count: 1025 }], '/ranges/0/count must be <= 1024'],
    ['a negative one', [{ first: -1, count: 1 }], '/ranges/0/first must be >= 0'],
    ['something else', [{ first: 0, count: 1, more: 1 }], '/ranges/0/more is not known here'],
  ])('is refused when it is %s', async (_, ranges, said) => {
    await withSource({}, async ({ source, layer: { identity } }) => {
      const answer = await ask(source, fleet.operator, chunksOf(identity), { ranges });
      expect(answer).toMatchObject({ status: 400, text: expect.stringContaining(said) });
      expect(source.read).toEqual([]);
    });
  });

  it('is not sent from a file that was cut off', async () => {
    await withSource({}, async ({ source, layer: { identity, file } }) => {
      await truncate(file, 100 * CHUNK_BYTES);
      const ranges = [{ first: 0, count: CHUNKS }];
      await expect(ask(source, fleet.operator, chunksOf(identity), { ranges })).rejects.toThrow();
    });
  });

  it('is not there when the layer was removed', async () => {
    await withSource({}, async ({ source, layer }) => {
      await layer.folder.remove();
      expect(await ask(source, fleet.operator, manifestOf(layer.identity))).toMatchObject({ status: 404 });
    });
  });
});

describe('a caller that does not read', () => {
  /** Asks for 25 MiB, and reads none of it. */
  async function stall({ peer }: Source, identity: string): Promise<TLSSocket> {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(peer.url).port),
      ca: fleet.ca,
      ...fleet.hosts['host-b'],
      servername: hostServerName('host-a'),
    });
    await once(socket, 'secureConnect');
    socket.pause();
    socket.on('error', () => undefined);
    const body = JSON.stringify({ ranges: [{ first: 0, count: CHUNKS }] });
    const head = [
      `POST ${chunksOf(identity)} HTTP/1.1`,
      'host: host-a',
      'content-type: application/json',
      `content-length: ${body.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    return socket;
  }

  it('holds up nobody, and loses its connection', async () => {
    const clock = createFakeClock();
    const pace = { slowMs: 1000, stalledMs: 1e9 };
    const limits = { slots: 1, waitMs: 1e12 };
    await withSource({ ...limits, pace, clock }, async ({ source, layer, unfinished }) => {
      const sockets = await Promise.all(Array.from({ length: 3 }, () => stall(source, layer.identity)));
      const begun = () => source.read.filter((index) => index === 0).length;
      // Each takes the only turn, does not read, and loses the turn to the next.
      await eventually(async () => {
        await clock.advance(pace.slowMs);
        return begun() === sockets.length;
      });
      const receiving = receive(layer, { fleet, directory: unfinished, peers: [source.peer] });
      await eventually(async () => {
        await clock.advance(pace.slowMs);
        return begun() > sockets.length;
      });
      expect((await receiving).file).toContain(layer.identity);
      await clock.advance(pace.stalledMs);
      for (const socket of sockets) {
        let bytes = 0;
        socket.on('data', (part: Buffer) => {
          bytes += part.length;
        });
        const closed = once(socket, 'close');
        socket.resume();
        await closed;
        expect(bytes).toBeLessThan(CHUNKS * CHUNK_BYTES);
      }
    });
  });
});

it('answers of several hosts are each right while few are sent at once', async () => {
  await withSource({ slots: 2 }, async ({ source, layer: { identity }, content }) => {
    const wanted = createHash('sha256').update(Buffer.concat(content)).digest('hex');
    const asked = Array.from({ length: 8 }, async (_, at) => {
      const who = at % 2 === 0 ? fleet.hosts['host-b'] : fleet.hosts['host-c'];
      const { bytes } = await ask(source, who, chunksOf(identity), { ranges: [{ first: 0, count: CHUNKS }] });
      return createHash('sha256').update(bytes).digest('hex');
    });
    expect(new Set(await Promise.all(asked))).toEqual(new Set([wanted]));
  });
});
