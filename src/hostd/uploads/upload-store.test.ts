import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { UploadStore } from './upload-store.ts';

const CONTENT = randomBytes(100_000);
const SHA = createHash('sha256').update(CONTENT).digest('hex');
const KEY = { namespace: 'default', sha256: SHA };
const NAME = `${SHA}.default`;
const HOUR = 60 * 60 * 1000;

let directory: string;
let changes: number;
let store: UploadStore;
const stores: UploadStore[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-uploads-'));
  changes = 0;
  store = await opened();
});
afterEach(async () => {
  for (const one of stores.splice(0)) one.close();
  await rm(directory, { recursive: true, force: true });
});

async function opened(reserveBytes = 0, clock = createFakeClock(Date.now())): Promise<UploadStore> {
  const made = new UploadStore({
    ...{ directory, reserveBytes, clock, log: pino({ level: 'silent' }) },
    onChange: () => {
      changes += 1;
    },
  });
  stores.push(made);
  await made.open();
  return made;
}

async function* pieces(...chunks: readonly Buffer[]) {
  yield* chunks;
}
const send = (offset: number, end: number, content = CONTENT, to = store) => {
  const body = pieces(content.subarray(offset, offset + 10), content.subarray(offset + 10, end));
  return to.append(KEY, { offset, totalBytes: CONTENT.length, body });
};

it('takes a file piece by piece, and has it whole when its digest is right', async () => {
  expect(await store.status(KEY)).toMatchObject({ receivedBytes: 0, complete: false });
  expect(await send(0, 40_000)).toMatchObject({ receivedBytes: 40_000, complete: false });
  expect(store.list()).toEqual([]);
  expect(await send(40_000, 100_000)).toMatchObject({ receivedBytes: 100_000, complete: true });
  expect({ list: store.list(), changes }).toEqual({ list: [KEY], changes: 1 });
  // Whoever sends it again learns it at once.
  expect(await send(0, 10_000)).toMatchObject({ complete: true });
  const target = join(directory, '../', `${SHA}.imported`);
  await store.linkTo(KEY, target);
  await store.remove(KEY);
  expect((await readFile(target)).equals(CONTENT)).toBe(true);
  await rm(target);
  expect({ list: store.list(), left: await readdir(directory) }).toEqual({ list: [], left: [] });
  await expect(store.linkTo(KEY, target)).rejects.toMatchObject({ reason: 'UploadMissing' });
});

it('gives the file of one namespace to no other, which sends its own', async () => {
  await send(0, 100_000);
  const theirs = { namespace: 'other', sha256: SHA };
  expect(await store.status(theirs)).toMatchObject({ receivedBytes: 0, complete: false });
  const target = join(directory, '../', `${SHA}.theirs`);
  await expect(store.linkTo(theirs, target)).rejects.toMatchObject({ reason: 'UploadMissing' });
  await store.append(theirs, { offset: 0, totalBytes: CONTENT.length, body: pieces(CONTENT) });
  await store.remove(KEY);
  expect(store.list()).toEqual([theirs]);
});

it('goes on after a restart, and after a request that broke off', async () => {
  async function* breaking() {
    yield CONTENT.subarray(0, 30_000);
    throw new Error('the client is gone');
  }
  const broken = store.append(KEY, { offset: 0, totalBytes: CONTENT.length, body: breaking() });
  await expect(broken).rejects.toThrow('the client is gone');
  expect(await store.status(KEY)).toMatchObject({ receivedBytes: 30_000 });
  expect(await send(30_000, 60_000)).toMatchObject({ receivedBytes: 60_000 });
  const after = await opened();
  expect(await send(60_000, 100_000, CONTENT, after)).toMatchObject({ complete: true });
  expect((await opened()).list()).toEqual([KEY]);
});

it('takes no bytes but the next ones', async () => {
  await send(0, 40_000);
  const wrong = { reason: 'UploadOffset', status: 409, message: expect.stringContaining('begin at 40000') };
  await expect(send(0, 100_000)).rejects.toMatchObject(wrong);
  await expect(send(50_000, 100_000)).rejects.toMatchObject(wrong);
  const both = await Promise.allSettled([send(40_000, 100_000), send(40_000, 100_000)]);
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect((await readFile(join(directory, NAME))).equals(CONTENT)).toBe(true);
});

it('removes a file that is another one, and takes no more than was announced', async () => {
  const other = randomBytes(CONTENT.length);
  await expect(send(0, 100_000, other)).rejects.toMatchObject({ reason: 'DigestMismatch', status: 422 });
  expect(await readdir(directory)).toEqual([]);
  const long = Buffer.concat([CONTENT, CONTENT]);
  await expect(send(0, 200_000, long)).rejects.toMatchObject({ reason: 'UploadTooLong', status: 400 });
  expect(await send(0, 100_000).catch(() => store.status(KEY))).toMatchObject({ complete: false });
});

it('digests again what was changed on the disk behind its back', async () => {
  await send(0, 60_000);
  await truncate(join(directory, `${NAME}.partial`), 20_000);
  expect(await send(20_000, 100_000)).toMatchObject({ complete: true });
});

it('takes nothing that the disk has no room for', async () => {
  const full = await opened(Number.MAX_SAFE_INTEGER);
  expect(await full.status(KEY)).toMatchObject({ freeBytes: 0 });
  await expect(send(0, 1000, CONTENT, full)).rejects.toMatchObject({ reason: 'DiskFull', status: 507 });
});

it('removes what nobody went on with for a day', async () => {
  const clock = createFakeClock(Date.now());
  const watched = await opened(0, clock);
  await send(0, 1000, CONTENT, watched);
  await clock.advance(23 * HOUR);
  expect(await watched.status(KEY)).toMatchObject({ receivedBytes: 1000 });
  const old = new Date(clock.now() - 25 * HOUR);
  await utimes(join(directory, `${NAME}.partial`), old, old);
  await clock.advance(2 * HOUR);
  await expect.poll(() => watched.status(KEY)).toMatchObject({ receivedBytes: 0 });
  expect(await send(0, 100_000, CONTENT, watched)).toMatchObject({ complete: true });
});
