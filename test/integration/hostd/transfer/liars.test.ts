import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../../src/hostd/layers/content/chunks.ts';
import { PEER_PACE } from '../../../../src/hostd/layers/transfer/peer-client.ts';
import { OCTETS, SHAPE_HEADER } from '../../../../src/hostd/layers/transfer/protocol.ts';
import { withDirectory } from '../fixtures.ts';
import {
  type Asking,
  createFleet,
  type Fleet,
  hostFolders,
  makeDisk,
  qemuImg,
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

/** A read of which nothing comes while the test lasts. */
let ended = Promise.withResolvers<void>();
const nothing = () => ended.promise.then(() => Promise.reject(new Error('the test has ended')));

let fleet: Fleet;
beforeAll(async () => {
  fleet = await createFleet();
});

type Scene = {
  readonly layer: Sealed;
  readonly other: Sealed;
  readonly asking: Asking;
  /** What the receiver logged. */
  readonly logged: string[];
  /** Starts host-a, which fails in some way. */
  bad(options: Partial<SourceOptions>): Promise<Source>;
  /** Starts host-b, which does all right. */
  good(): Promise<Source>;
  /** Receives from these, in this order, and checks the result. */
  expectReceived(sources: readonly Source[], more?: Partial<Asking>): Promise<void>;
  expectRefused(
    sources: readonly Source[],
    reason: string,
    message: RegExp,
    more?: Partial<Asking>,
  ): Promise<void>;
};

async function withLayer(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const [a, c] = [await hostFolders(directory, 'a'), await hostFolders(directory, 'c')];
    const scratch = join(directory, 'scratch');
    await makeDisk(scratch, 64 * MIB, randomParts(0, CHUNKS));
    const layer = await seal(a.root, scratch, 'disk');
    await makeDisk(scratch, 64 * MIB, randomParts(0, 3));
    const other = await seal(a.root, scratch, 'disk');
    const sources: Source[] = [];
    ended = Promise.withResolvers();
    const start = async (options: Partial<SourceOptions> & Pick<SourceOptions, 'name'>) => {
      const source = await startSource({ fleet, root: a.root, ...options });
      sources.push(source);
      return source;
    };
    const logged: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
    const asking = { fleet, directory: c.unfinished, log };
    try {
      await work({
        layer,
        other,
        asking,
        logged,
        bad: (options) => start({ name: 'host-a', ...options }),
        good: () => start({ name: 'host-b' }),
        expectReceived: async (from, more = {}) => {
          const peers = from.map(({ peer }) => peer);
          const { file } = await receive(layer, { ...asking, peers, ...more });
          expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', layer.file, file)).toContain(
            'identical',
          );
        },
        expectRefused: async (from, reason, message, more = {}) => {
          const peers = from.map(({ peer }) => peer);
          const refused = receive(layer, { ...asking, peers, ...more });
          await expect(refused).rejects.toMatchObject({ reason, message: expect.stringMatching(message) });
        },
      });
    } finally {
      ended.resolve();
      await Promise.all(sources.map((source) => source.close()));
    }
  });
}

/** A read that behaves for so many chunks, and then does something else. */
function afterChunks(
  chunks: number,
  then: SourceOptions['change'] & {},
): NonNullable<SourceOptions['change']> {
  let seen = 0;
  return (layer) => ({
    read: async (index, target) => {
      seen += target.length / CHUNK_BYTES;
      const read = seen > chunks ? (then(layer).read ?? layer.read) : layer.read;
      await read(index, target);
    },
  });
}

const QUICK = { ...PEER_PACE, silentMs: 1500 };

describe('a host that gives a layer', () => {
  it('is left when its manifest is another', async () => {
    await withLayer(async ({ bad, good, other, expectReceived, expectRefused, logged }) => {
      const manifest = await other.folder.readManifest();
      const liar = await bad({ change: () => ({ manifest }) });
      const said =
        /host host-a gave something as layer .* that is not that layer \(its identity is another\)/;
      await expectRefused([liar], 'PeerWrongContent', said);
      await expectReceived([liar, await good()]);
      expect(liar.read).toEqual([]);
      expect(logged.join()).toContain('host host-a gave something as layer');
    });
  });

  it.each([
    ['says another size', { virtualBytes: 65 * MIB }, /1024 chunks in 68157440 bytes/],
    ['says another kind', { kind: 'boot' }, /its identity is another/],
    ['says another parent', { parent: 'a'.repeat(64) }, /its identity is another/],
    ['says a size that is none', { virtualBytes: -1 }, /it says nothing of its shape/],
    ['says a parent that is none', { parent: '../../etc' }, /it says nothing of its shape/],
  ] as const)('is left when it %s', async (_, lie, said) => {
    await withLayer(async ({ bad, good, expectReceived, expectRefused }) => {
      const liar = await bad({ change: ({ shape }) => ({ shape: { ...shape, ...lie } }) });
      await expectRefused([liar], 'PeerWrongContent', said);
      await expectReceived([liar, await good()]);
    });
  });

  it('is left at its first wrong chunk, and what came before stays', async () => {
    await withLayer(async ({ bad, good, expectReceived, expectRefused, logged }) => {
      const change = afterChunks(100, (layer) => ({
        read: async (index, target) => {
          await layer.read(index, target);
          target.writeUInt8(target.readUInt8(target.length - 1) ^ 1, target.length - 1);
        },
      }));
      const liar = await bad({ change });
      await expectRefused([liar], 'PeerWrongContent', /host host-a gave wrong bytes as chunk \d+ of layer/);
      const next = await good();
      await expectReceived([liar, next]);
      expect(next.read.length).toBeLessThan(CHUNKS);
      expect(new Set(next.read).size).toBe(next.read.length);
      expect(logged.join()).toContain('host host-a gave wrong bytes as chunk');
    });
  });

  it('is left when it dies in the middle, and another goes on', async () => {
    await withLayer(async ({ bad, good, expectReceived }) => {
      const change = afterChunks(200, () => ({
        read: async () => {
          // As when its process ends: all connections at once.
          await Promise.race([liar.close(), nothing()]);
        },
      }));
      const liar: Source = await bad({ change });
      const next = await good();
      await expectReceived([liar, next]);
      expect(next.read.length).toBeGreaterThan(0);
      expect(next.read.length).toBeLessThan(CHUNKS);
    });
  });

  it('is left when it falls silent', async () => {
    await withLayer(async ({ bad, good, expectReceived, expectRefused }) => {
      const liar = await bad({ slots: 100, change: afterChunks(100, () => ({ read: nothing })) });
      const said = /host host-a was silent for 1.5 s in the middle of an answer/;
      await expectRefused([liar], 'PeerSilent', said, { pace: QUICK });
      await expectReceived([liar, await good()], { pace: QUICK });
    });
  });

  it('is left when it does not even begin to answer', async () => {
    await withLayer(async ({ bad, good, expectReceived, expectRefused }) => {
      const pace = { ...PEER_PACE, answerMs: 1500 };
      const held = await bad({ slots: 0 });
      await expectRefused(
        [held],
        'PeerUnreachable',
        /host host-a does not answer at .*no answer within 1500 ms/,
        {
          pace,
        },
      );
      await expectReceived([held, await good()], { pace });
    });
  });

  it('is left for another when it drips, and kept when it is the only one', async () => {
    await withLayer(async ({ bad, good, asking, expectReceived }) => {
      const pace = { ...PEER_PACE, minimumRate: { bytesPerSecond: 1024 * MIB, windowMs: 50 } };
      const change = afterChunks(0, (layer) => ({
        read: async (index, target) => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          await layer.read(index, target);
        },
      }));
      const liar = await bad({ change });
      await expectReceived([liar], { pace });
      expect(liar.read).toHaveLength(CHUNKS);
      const next = await good();
      await expectReceived([liar, next], { pace, directory: `${asking.directory}/again` });
      expect(next.read.length).toBeGreaterThan(0);
    });
  });

  it('is left when its answer is too short, too long or of another status', async () => {
    await withLayer(async ({ layer, good, asking, expectReceived, expectRefused }) => {
      const manifest = (await layer.folder.readManifest()).encode();
      for (const [answer, reason, said] of [
        [Buffer.alloc(1000), 'PeerEndedEarly', /host host-a ended its answer after 1000 of/],
        [Buffer.alloc(CHUNKS * CHUNK_BYTES), 'PeerWrongContent', /host host-a gave wrong bytes as chunk/],
        [undefined, 'PeerRefuses', /host host-a refuses to give a layer \(HTTP status 418\): a pot of tea/],
      ] as const) {
        const server = createServer(
          { ...fleet.hosts['host-a'], ca: fleet.ca, requestCert: true },
          (request, response) => {
            request.resume();
            if (request.method === 'GET')
              response
                .writeHead(200, {
                  'content-type': OCTETS,
                  'content-length': manifest.length,
                  [SHAPE_HEADER]: JSON.stringify(layer.shape),
                })
                .end(manifest);
            else if (answer === undefined)
              response.writeHead(418).end('{"error":{"message":"a pot of tea\\u0007"}}');
            else response.writeHead(200).end(answer);
          },
        );
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const liar: Source = { peer: { host: 'host-a', url }, read: [], close: async () => undefined };
        await expectRefused([liar], reason, said);
        await expectReceived([liar, await good()], { directory: `${asking.directory}/${reason}` });
        server.closeAllConnections();
        server.close();
      }
    });
  });

  it('is not asked under the name of another', async () => {
    await withLayer(async ({ good, expectRefused }) => {
      const source = await good();
      const posing: Source = { ...source, peer: { ...source.peer, host: 'host-a' } };
      const said = /host host-a does not answer at https:.*host-a.host.coppice/;
      await expectRefused([posing], 'PeerUnreachable', said);
    });
  });

  it('says of each host why it gives nothing', async () => {
    await withLayer(async ({ bad, good, expectRefused, layer }) => {
      const away = await bad({});
      await away.close();
      const without = await good();
      await layer.folder.remove();
      const said = /from any of 2 hosts: host host-a does not answer at .*; host host-b has not layer/;
      await expectRefused([away, without], 'NoPeerGivesLayer', said);
    });
  });

  it('is asked again when it was busy', async () => {
    await withLayer(async ({ bad, expectReceived }) => {
      let isHeld = true;
      const change = afterChunks(0, (layer) => ({
        read: async (index, target) => {
          if (isHeld) await new Promise((resolve) => setTimeout(resolve, 100));
          isHeld = false;
          await layer.read(index, target);
        },
      }));
      const pace = { ...PEER_PACE, busyMs: 20 };
      await expectReceived([await bad({ slots: 1, waitMs: 20, change })], { pace });
    });
  });
});
