import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PackageCache } from './packages.ts';

const CONTENT = 'a package';
const SHA = createHash('sha256').update(CONTENT).digest('hex');
const never = new AbortController().signal;

let directory: string;
let server: Server;
let waiting: ServerResponse[];
let cache: PackageCache;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-packages-'));
  waiting = [];
  server = createServer((_, response) => {
    waiting.push(response);
    server.emit('asked');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cache = new PackageCache({
    directory: join(directory, 'packages'),
    reserveBytes: 0,
    fileRoots: [join(directory, 'allowed')],
  });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/app.zip`;
const asked = () => new Promise<void>((resolve) => server.once('asked', () => resolve()));

describe('PackageCache', () => {
  it('fetches once for all callers, and rejects at once for one that no longer wants it', async () => {
    const request = asked();
    const first = cache.fetch(url(), SHA, never);
    await request;
    const leaving = new AbortController();
    const second = cache.fetch(url(), SHA, leaving.signal);
    const third = cache.fetch(url(), SHA, never);
    leaving.abort(new Error('deleted'));
    await expect(second).rejects.toThrow('deleted');
    waiting[0]?.end(CONTENT);
    await Promise.all([first, third]);
    expect(waiting).toHaveLength(1);
    expect(await cache.has(SHA)).toBe(true);
  });

  it('asks another address for the same package beside one that drips, and serves both with what arrives first', async () => {
    const dripping = cache.fetch(url(), SHA, never);
    await asked();
    waiting[0]?.write(CONTENT.slice(0, 2));
    const request = asked();
    const other = cache.fetch(url().replace('app', 'mirror'), SHA, never);
    await request;
    waiting[1]?.end(CONTENT);
    await Promise.all([other, dripping]);
    expect(await cache.has(SHA)).toBe(true);
    await cache.prune(() => new Set([SHA]));
    expect(await readdir(join(directory, 'packages'))).toEqual([SHA]);
  });

  it('tells each of its own address only, and lets nobody else’s failure through', async () => {
    const dead = cache
      .fetch('http://127.0.0.1:1/of-another', SHA, never)
      .catch((error: Error) => error.message);
    const request = asked();
    const mine = cache.fetch(url(), SHA, never);
    await request;
    waiting[0]?.end('other content');
    const refused = await mine.catch((error: Error) => error.message);
    expect(await dead).toContain('of-another');
    expect(refused).toContain('app.zip');
    expect(refused).not.toContain('of-another');
  });

  it('removes what nobody wants, but neither what is wanted again by then nor what is being fetched', async () => {
    const other = 'f'.repeat(64);
    await cache.prune(() => new Set());
    for (const name of [SHA, other, `${'e'.repeat(64)}.partial`])
      await writeFile(join(directory, 'packages', name), CONTENT);
    await cache.prune(() => new Set([SHA]));
    expect(await readdir(join(directory, 'packages'))).toEqual([SHA]);
    const request = asked();
    const fetching = cache.fetch(url(), other, never);
    await request;
    await writeFile(join(directory, 'packages', `${other}.partial`), '');
    await cache.prune(() => new Set([SHA]));
    expect(await readdir(join(directory, 'packages'))).toContain(`${other}.partial`);
    waiting[0]?.end(CONTENT);
    await expect(fetching).rejects.toMatchObject({ reason: 'DigestMismatch', kind: 'retry' });
  });

  it('reads no file of the host outside the folders that are allowed', async () => {
    const secret = join(directory, 'secret');
    await writeFile(secret, CONTENT);
    const fetching = cache.fetch(pathToFileURL(secret).href, SHA, never);
    await expect(fetching).rejects.toMatchObject({ reason: 'FileNotAllowed', kind: 'stalled' });
    expect(await cache.has(SHA)).toBe(false);
  });
});
