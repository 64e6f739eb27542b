import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackoffPolicy } from '../../../src/base/backoff.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { DesiredImport, ImportStatus } from '../../../src/host/protocol.ts';
import { Simulation } from '../../../src/hostd/drivers/simulated/config.ts';
import { createSimulatedImages } from '../../../src/hostd/drivers/simulated/images.ts';
import { allocatedBytes } from '../../../src/hostd/files/durable-files.ts';
import type { RatePolicy } from '../../../src/hostd/layers/rate-watch.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { describeUnless } from '../../skip.ts';
import { eventually, sourceFile, withDirectory } from './fixtures.ts';
import { breakingOff, MisbehavingServer, serving } from './misbehaving-server.ts';
import { cannotMount, withSmallDisk } from './small-disk.ts';
import { folderOf, Stores } from './stores.ts';

const CONTENT = randomBytes(300_000);
const SHA = sha256(CONTENT);
const images = createSimulatedImages(new Simulation({ clock: systemClock, times: { convert: 1 } }));

let server: MisbehavingServer;
beforeEach(async () => {
  server = await MisbehavingServer.start();
});
afterEach(() => server.close());

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function storeIn(directory: string, slowLook?: BackoffPolicy, minimumRate?: RatePolicy): Stores {
  return new Stores(directory, {
    images,
    ...(slowLook === undefined ? {} : { slowLook }),
    ...(minimumRate === undefined ? {} : { minimumRate }),
  });
}

/** What was fetched of a file before, as a killed daemon leaves it. */
async function leftBefore(directory: string, url: string, bytes: Buffer): Promise<void> {
  await mkdir(folderOf(directory, SHA), { recursive: true });
  const name = `download-${sha256(Buffer.from(url)).slice(0, 16)}.partial`;
  await writeFile(join(folderOf(directory, SHA), name), bytes);
}

async function withStore(
  work: (store: Stores, directory: string) => Promise<void>,
  slowLook?: BackoffPolicy,
): Promise<void> {
  await withDirectory(async (directory) => {
    const store = storeIn(directory, slowLook);
    await store.open();
    try {
      await work(store, directory);
    } finally {
      await store.close();
    }
  });
}

const boot = (url: string): DesiredImport => ({ kind: 'boot', url, template: 'default/x' });
const disk = (url: string): DesiredImport => ({ kind: 'disk', url, template: 'default/x' });

async function until(store: Stores, sha: string, holds: (status: ImportStatus) => boolean) {
  return eventually(
    async () => {
      const status = store.get(sha);
      return status !== undefined && holds(status) ? status : undefined;
    },
    async () => store.get(sha),
  );
}

const isReady = ({ state }: ImportStatus) => state === 'Ready';
const hasProblem = (reason: string) => (status: ImportStatus) => status.problem?.reason === reason;

describe('importing a file', () => {
  it('stores what it proved, read-only, once for all who ask at once', async () => {
    await withStore(async (store, directory) => {
      server.answer(serving(CONTENT));
      const desired = boot(server.url('/kernel'));
      await Promise.all(Array.from({ length: 10 }, () => store.put(SHA, desired)));
      const status = await until(store, SHA, isReady);
      expect(status).toMatchObject({ fetchedBytes: CONTENT.length, namespace: 'default' });
      const { identity = '' } = status;
      expect(store.layers.get(identity)).toMatchObject({
        storedBytes: await allocatedBytes(store.readyPath(SHA) ?? ''),
        kind: 'boot',
        heldBy: [],
      });
      expect(server.requests).toEqual(['/kernel']);
      const path = store.readyPath(SHA) ?? '';
      expect(sha256(await readFile(path))).toBe(SHA);
      expect((await stat(path)).mode & 0o777).toBe(0o444);
      expect((await readdir(join(directory, 'layers', identity))).toSorted()).toEqual([
        'blob',
        'manifest',
        'record.json',
      ]);
      await eventually(
        async () => (await readdir(folderOf(directory, SHA))).length === 2 || undefined,
        () => readdir(folderOf(directory, SHA)),
      );
    });
  });

  it('goes on where the connection broke off', async () => {
    await withStore(async (store) => {
      server.answer((_, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 100_000));
      });
      await store.put(SHA, boot(server.url('/kernel')));
      await until(store, SHA, ({ fetchedBytes }) => fetchedBytes > 0);
      server.answer(serving(CONTENT));
      server.breakConnections();
      await until(store, SHA, isReady);
      expect(server.requests).toHaveLength(2);
      expect(server.requests[1]).toMatch(/^\/kernel bytes=[1-9][0-9]*-$/);
    });
  });

  it('says that the source ended early while it does, and tries again', async () => {
    await withStore(async (store) => {
      server.answer(breakingOff(CONTENT, 1000));
      await store.put(SHA, boot(server.url('/kernel')));
      const status = await until(store, SHA, hasProblem('SourceEndedEarly'));
      expect(status.state).toBe('Fetching');
      expect(status.problem?.retryAt).toBeDefined();
      server.answer(serving(CONTENT));
      await until(store, SHA, isReady);
    });
  });

  it('begins again when the two halves do not make the whole', async () => {
    await withStore(async (store, directory) => {
      await leftBefore(directory, server.url('/kernel'), randomBytes(1000));
      server.answer(serving(CONTENT));
      await store.put(SHA, boot(server.url('/kernel')));
      await until(store, SHA, isReady);
      expect(server.requests).toEqual(['/kernel bytes=1000-', '/kernel']);
    });
  });

  it('fails with both digests named when the file is another, until the source changes', async () => {
    await withStore(async (store, directory) => {
      const other = randomBytes(1000);
      server.answer(serving(other));
      await store.put(SHA, boot(server.url('/kernel')));
      const status = await until(store, SHA, ({ state }) => state === 'Failed');
      expect(status.problem).toMatchObject({ reason: 'DigestMismatch' });
      expect(status.problem?.message).toContain(SHA);
      expect(status.problem?.message).toContain(sha256(other));
      expect(status.problem).not.toHaveProperty('retryAt');
      expect(await readdir(folderOf(directory, SHA))).toEqual(['source.json']);
      server.answer(serving(CONTENT));
      await store.put(SHA, boot(server.url('/right')));
      await until(store, SHA, isReady);
    });
  });

  it('gets over a page of maintenance that is served as if it were the file', async () => {
    await withStore(async (store) => {
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (server.requests.length > 2) serve(request, response);
        else response.end('<h1>Back soon</h1>');
      });
      await store.put(SHA, boot(server.url('/kernel')));
      await until(store, SHA, isReady);
      expect(server.requests).toHaveLength(3);
    });
  });

  it('looks again, slowly, at what a person must correct', async () => {
    await withStore(
      async (store) => {
        server.answer(serving(randomBytes(1000)));
        await store.put(SHA, boot(server.url('/kernel')));
        await until(store, SHA, ({ state }) => state === 'Failed');
        const before = server.requests.length;
        server.answer(serving(CONTENT));
        await until(store, SHA, isReady);
        expect(server.requests).toHaveLength(before + 1);
      },
      { initialMs: 300, maxMs: 300 },
    );
  });

  it.each([400, 405, 416, 501])('fetches the whole when a range is refused with %i', async (status) => {
    await withStore(async (store, directory) => {
      await leftBefore(directory, server.url('/kernel'), CONTENT.subarray(0, 1000));
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (request.headers.range === undefined) serve(request, response);
        else response.writeHead(status).end();
      });
      await store.put(SHA, boot(server.url('/kernel')));
      await until(store, SHA, isReady);
      expect(server.requests).toEqual(['/kernel bytes=1000-', '/kernel']);
    });
  });

  it.each([404, 429, 503])(
    'keeps what is there when the server only answers %i for a while',
    async (status) => {
      await withStore(async (store, directory) => {
        await leftBefore(directory, server.url('/kernel'), CONTENT.subarray(0, 1000));
        server.answer((_, response) => response.writeHead(status).end());
        await store.put(SHA, boot(server.url('/kernel')));
        await until(store, SHA, hasProblem('SourceUnreachable'));
        server.answer(serving(CONTENT));
        await until(store, SHA, isReady);
        expect(new Set(server.requests)).toEqual(new Set(['/kernel bytes=1000-']));
      });
    },
  );

  const redirects = [
    { name: 'in a circle', reason: 'RedirectCircle', next: (path: string) => (path === '/a' ? '/b' : '/a') },
    { name: 'on and on', reason: 'TooManyRedirects', next: (path: string) => `${path}x` },
    { name: 'into the host', reason: 'SourceUnsupported', next: () => 'file:///etc/passwd' },
  ];
  for (const { name, reason, next } of redirects) {
    it(`does not follow a server that redirects ${name}`, async () => {
      await withStore(async (store) => {
        server.answer((request, response) => {
          response.writeHead(302, { location: next(request.url ?? '') }).end();
        });
        await store.put(SHA, boot(server.url('/a')));
        await until(store, SHA, hasProblem(reason));
        expect(server.requests.length).toBeLessThan(50);
      });
    });
  }

  it('follows a few redirects', async () => {
    await withStore(async (store) => {
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (request.url === '/kernel') serve(request, response);
        else response.writeHead(307, { location: request.url === '/a' ? '/b' : '/kernel' }).end();
      });
      await store.put(SHA, boot(server.url('/a')));
      await until(store, SHA, isReady);
    });
  });

  it('tries an address that is not there again and again, and says so', async () => {
    await withStore(async (store) => {
      await store.put(SHA, boot(server.url('/kernel')));
      const missing = await until(store, SHA, hasProblem('SourceUnreachable'));
      expect(missing.problem?.message).toContain('404');
      server.answer(serving(CONTENT));
      await until(store, SHA, isReady);
    });
  });

  it('ends with its store, and goes on with the next one', async () => {
    await withDirectory(async (directory) => {
      const first = storeIn(directory);
      await first.open();
      server.answer((_, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 200_000));
      });
      await first.put(SHA, boot(server.url('/kernel')));
      await until(first, SHA, ({ fetchedBytes }) => fetchedBytes === 200_000);
      await first.close();
      server.answer(serving(CONTENT));
      const second = storeIn(directory);
      await second.open();
      await until(second, SHA, isReady);
      await second.close();
      expect(server.requests).toEqual(['/kernel', '/kernel bytes=200000-']);
    });
  });

  it('is abandoned when the layer is no longer wanted, and leaves nothing', async () => {
    await withStore(async (store, directory) => {
      server.answer((_, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 1000));
      });
      await store.put(SHA, boot(server.url('/kernel')));
      await until(store, SHA, ({ fetchedBytes }) => fetchedBytes > 0);
      await store.delete(SHA);
      expect(store.get(SHA)).toBeUndefined();
      expect(await readdir(join(directory, 'imports'))).toEqual([]);
    });
  });
});

describe('an import with several sources', () => {
  const others = (url: string) => [{ url, template: 'default/y' }];

  it('comes from whichever gives it, and tells each Template of its own source only', async () => {
    await withStore(async (store, directory) => {
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (request.url === '/right') return void setTimeout(() => serve(request, response), 300);
        response.writeHead(404).end();
      });
      const dead = server.url('/dead?signature=secret');
      await store.put(SHA, { ...boot(dead), others: others(server.url('/right')) });
      const isTold = ({ sources }: ImportStatus) =>
        sources?.some(({ problem }) => problem !== undefined) === true;
      const status = await until(store, SHA, isTold);
      expect(status.problem, 'a source may still give it').toBeUndefined();
      expect(status.sources).toEqual([
        { template: 'default/x', problem: expect.objectContaining({ reason: 'SourceUnreachable' }) },
        { template: 'default/y' },
      ]);
      expect(JSON.stringify(status)).not.toContain('/right');
      expect(await until(store, SHA, isReady)).toMatchObject({ sources: [{}, {}] });
      const left = ['import.json', 'source.json'];
      await eventually(
        async () => (await readdir(folderOf(directory, SHA))).toSorted().join() === left.join() || undefined,
        () => readdir(folderOf(directory, SHA)),
      );
    });
  });

  it('names no address to those who wait for it when none of them gives it', async () => {
    await withStore(async (store) => {
      server.answer((_, response) => response.writeHead(404).end());
      await store.put(SHA, { ...boot(server.url('/one')), others: others(server.url('/two')) });
      const { problem } = await until(store, SHA, hasProblem('SourceUnreachable'));
      expect(problem?.message).not.toMatch(/\/one|\/two|127/);
      expect(problem?.message).toContain('none of its 2 sources gives it (SourceUnreachable)');
    });
  });

  it('does not wait for one that drips', async () => {
    await withStore(async (store) => {
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (request.url === '/right') serve(request, response);
        else response.writeHead(200, { 'content-length': CONTENT.length }).write('x');
      });
      await store.put(SHA, boot(server.url('/drips')));
      await until(store, SHA, ({ fetchedBytes }) => fetchedBytes > 0);
      await store.put(SHA, { ...boot(server.url('/drips')), others: others(server.url('/right')) });
      await until(store, SHA, isReady);
      expect(server.requests).toEqual(['/drips', '/right']);
    });
  });

  it('goes on with those that stay when one is named no more, and with all after a restart', async () => {
    await withDirectory(async (directory) => {
      const place = folderOf(directory, SHA);
      const partials = async () => (await readdir(place)).filter((name) => name.endsWith('.partial'));
      server.answer((_, response) =>
        response.writeHead(200, { 'content-length': CONTENT.length }).write('x'),
      );
      const first = storeIn(directory);
      await first.open();
      await first.put(SHA, { ...boot(server.url('/one')), others: others(server.url('/two')) });
      await eventually(async () => (await partials()).length === 2 || undefined, partials);
      await first.put(SHA, { kind: 'boot', url: server.url('/two'), template: 'default/y' });
      await eventually(async () => (await partials()).length === 1 || undefined, partials);
      expect(first.get(SHA)?.sources).toEqual([{ template: 'default/y' }]);
      await first.close();
      server.requests.length = 0;
      server.answer(serving(CONTENT));
      const second = storeIn(directory);
      await second.open();
      await until(second, SHA, isReady);
      await second.close();
      expect(server.requests[0]).toBe('/two bytes=1-');
    });
  });
});

describe('a digest that is a disk for one and a kernel for another', () => {
  it('is held as both, each removed by itself', async () => {
    await withStore(async (store, directory) => {
      const raw = await sourceFile(directory, 'raw.img', aBootableDisk('raw', 4096));
      await store.put(raw.sha256, boot('http://127.0.0.1:1/of-a-stranger'));
      await store.put(raw.sha256, disk(raw.url));
      await eventually(
        async () => store.get(raw.sha256, 'disk')?.state === 'Ready' || undefined,
        async () => store.list(),
      );
      expect(store.get(raw.sha256, 'boot')?.state).toBe('Fetching');
      await store.put(raw.sha256, boot(raw.url));
      await eventually(
        async () => store.get(raw.sha256, 'boot')?.state === 'Ready' || undefined,
        async () => store.list(),
      );
      expect(sha256(await readFile(store.readyPath(raw.sha256, 'boot') ?? ''))).toBe(raw.sha256);
      const stored = await images.inspect(store.readyPath(raw.sha256, 'disk') ?? '', 'qcow2');
      expect(stored.virtualBytes).toBe(4096);
      await store.close();
      const next = storeIn(directory);
      await next.open();
      expect(
        next
          .list()
          .map(({ kind, state }) => [kind, state])
          .toSorted(),
      ).toEqual([
        ['boot', 'Ready'],
        ['disk', 'Ready'],
      ]);
      await next.delete(raw.sha256, 'boot');
      expect(next.list().map(({ kind }) => kind)).toEqual(['disk']);
      await next.delete(raw.sha256);
      expect(next.list()).toEqual([]);
      await next.close();
    });
  });
});

describe('sources that drip', () => {
  it('hold no turns: a file of somebody else is fetched beside many of them', async () => {
    await withDirectory(async (directory) => {
      const serve = serving(CONTENT);
      server.answer((request, response) => {
        if (request.url === '/right') serve(request, response);
        else response.writeHead(200).write('x');
      });
      const store = storeIn(directory, undefined, { bytesPerSecond: 1000, windowMs: 100 });
      await store.open();
      for (let n = 0; n < 40; n += 1) {
        const url = server.url(`/drips/${n}`);
        await store.put(n.toString(16).padStart(64, '0'), { kind: 'boot', url, template: 'drip/x' });
      }
      const last = (39).toString(16).padStart(64, '0');
      expect((await until(store, last, ({ queued }) => queued === true)).problem).toBeUndefined();
      const status = await until(store, '0'.repeat(64), hasProblem('SourceSlow'));
      expect(status.state).toBe('Fetching');
      expect(status.problem?.retryAt).toBeDefined();
      await store.put(SHA, boot(server.url('/right')));
      await until(store, SHA, isReady);
      await store.close();
    });
  });
});

/** The first cluster of a qcow2 image, with the name of its backing file. */
function qcow2(backing: string): Buffer {
  const header = Buffer.alloc(65_536);
  header.writeUInt32BE(0x514649fb, 0);
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(BigInt(backing === '' ? 0 : 512), 8);
  header.writeUInt32BE(backing.length, 16);
  header.writeUInt32BE(16, 20);
  header.writeBigUInt64BE(1_048_576n, 24);
  header.writeUInt32BE(104, 100);
  header.write(backing, 512);
  return header;
}

describe('a disk layer', () => {
  it('is refused when it would pull in other files of the host', async () => {
    await withStore(async (store, directory) => {
      const image = await sourceFile(directory, 'evil.qcow2', qcow2('/etc/shadow'));
      await store.put(image.sha256, disk(image.url));
      const status = await until(store, image.sha256, ({ state }) => state === 'Failed');
      expect(status.problem).toMatchObject({ reason: 'ImageUnsafe' });
      expect(status.problem?.message).toContain('/etc/shadow');
      expect(await readdir(folderOf(directory, image.sha256, 'disk'))).toEqual(['source.json']);
    });
  });

  it('is written by this host itself, whatever format it had', async () => {
    await withStore(async (store, directory) => {
      const plain = await sourceFile(directory, 'plain.qcow2', qcow2(''));
      const raw = await sourceFile(directory, 'raw.img', aBootableDisk('raw', 4096));
      for (const { sha256: sha, url } of [plain, raw]) await store.put(sha, disk(url));
      for (const [{ sha256: sha }, virtualBytes] of [
        [plain, 1_048_576],
        [raw, 4096],
      ] as const) {
        await until(store, sha, isReady);
        const stored = await images.inspect(store.readyPath(sha) ?? '', 'qcow2');
        expect(stored).toMatchObject({ virtualBytes, references: [] });
      }
    });
  });

  it('of two namespaces is one layer, and each imports it by itself', async () => {
    await withStore(async (store) => {
      server.answer(serving(CONTENT));
      await store.put(SHA, boot(server.url('/mine')));
      await store.put(SHA, { ...boot(server.url('/theirs')), template: 'other/y' });
      const done = () => store.list().every(isReady) || undefined;
      await eventually(
        async () => done(),
        async () => store.list(),
      );
      expect(server.requests.toSorted()).toEqual(['/mine', '/theirs']);
      expect(new Set(store.list().map(({ identity }) => identity)).size).toBe(1);
      expect(store.layers.list()).toHaveLength(1);
    });
  });

  it('that is deleted takes its imports with it', async () => {
    await withStore(async (store, directory) => {
      const source = await sourceFile(directory, 'kernel', CONTENT);
      await store.put(source.sha256, boot(source.url));
      const { identity = '' } = await until(store, source.sha256, isReady);
      await store.layers.delete(identity);
      expect([store.list(), store.layers.list()]).toEqual([[], []]);
      await store.put(source.sha256, boot(source.url));
      expect((await until(store, source.sha256, isReady)).identity).toBe(identity);
    });
  });

  it('that was changed on the host is noticed at the next start, one that was only touched is not refused', async () => {
    await withDirectory(async (directory) => {
      const image = await sourceFile(directory, 'plain.qcow2', qcow2(''));
      const first = storeIn(directory);
      await first.open();
      await first.put(image.sha256, disk(image.url));
      const { identity = '' } = await until(first, image.sha256, isReady);
      const path = first.readyPath(image.sha256) ?? '';
      await first.close();
      await utimes(path, new Date(0), new Date(0));
      const second = storeIn(directory);
      await second.open();
      expect(second.layers.get(identity)?.state).toBe('Ready');
      await second.close();
      await chmod(path, 0o644);
      await writeFile(path, qcow2('/etc/shadow'));
      const third = storeIn(directory);
      await third.layers.open();
      expect(third.layers.get(identity)).toMatchObject({
        state: 'Failed',
        problem: { reason: 'LayerCorrupt' },
      });
      expect(third.layers.readyPath(identity)).toBeUndefined();
    });
  });
});

describe('an import that cannot be written down', () => {
  it('does not count as held, and is fetched when it is asked for again', async () => {
    await withStore(async (store, directory) => {
      const source = await sourceFile(directory, 'kernel', CONTENT);
      const place = folderOf(directory, source.sha256);
      await writeFile(place, 'in the way');
      await expect(store.put(source.sha256, boot(source.url))).rejects.toThrow();
      expect(store.get(source.sha256)).toBeUndefined();
      await rm(place);
      await store.put(source.sha256, boot(source.url));
      await until(store, source.sha256, isReady);
    });
  });
});

describeUnless(cannotMount, 'a full disk', () => {
  it('is reported, leaves no partial layer, and is overcome when there is space', async () => {
    await withDirectory(async (directory) => {
      await withSmallDisk(directory, 1024 * 1024, async (mount) => {
        const hog = join(mount, 'hog');
        await writeFile(hog, Buffer.alloc(900 * 1024));
        const source = await sourceFile(directory, 'kernel', CONTENT);
        // Chunked, so that the size is not known beforehand and the disk fills in the middle.
        server.answer((_, response) => {
          response.writeHead(200);
          response.end(CONTENT);
        });
        for (const url of [server.url('/kernel'), pathToFileURL(join(directory, 'kernel')).href]) {
          const store = storeIn(mount);
          await store.open();
          await store.put(source.sha256, boot(url));
          const status = await until(store, source.sha256, hasProblem('DiskFull'));
          expect(status.problem?.retryAt).toBeDefined();
          const left = await readdir(folderOf(mount, source.sha256));
          expect(left.filter((name) => name !== 'source.json')).toEqual([]);
          await rm(hog);
          await until(store, source.sha256, isReady);
          await store.layers.delete(store.get(source.sha256)?.identity ?? '');
          await store.close();
          await writeFile(hog, Buffer.alloc(900 * 1024));
        }
      });
    });
  });
});
