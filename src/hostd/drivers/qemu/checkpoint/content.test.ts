import { appendFile, mkdtemp, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fc } from '../../../../../test/fuzz.ts';
import { contentDigest, copySparsely, KnownDigests, type ReadOptions } from './content.ts';

const PAGE = 4096;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-content-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function copyOf(content: Buffer, options: ReadOptions = {}): Promise<{ path: string; digest: string }> {
  const [from, path] = [join(folder, 'source'), join(folder, 'target')];
  await writeFile(from, content);
  const source = await open(from, 'r');
  const target = await open(path, 'w');
  try {
    return { path, digest: await copySparsely(source, target, content.length, options) };
  } finally {
    await source.close();
    await target.close();
  }
}

it('copies every byte, whatever is zero, and has the same digest afterwards', async () => {
  const page = fc.constantFrom(0, 0, 0, 1, 2);
  await fc.assert(
    fc.asyncProperty(
      fc.array(page, { maxLength: 600 }),
      fc.nat(PAGE - 1),
      fc.integer({ min: 1, max: 40 }),
      async (letters, rest, times) => {
        const pages = letters.flatMap((letter) => Array.from({ length: times }, () => letter)).slice(0, 600);
        const content = Buffer.concat([
          ...pages.map((letter) => Buffer.alloc(PAGE, letter)),
          Buffer.alloc(rest, letters[0] ?? 0),
        ]);
        const { path, digest } = await copyOf(content);
        expect((await readFile(path)).equals(content)).toBe(true);
        expect(await contentDigest(path)).toBe(digest);
        expect(await contentDigest(join(folder, 'source'))).toBe(digest);
      },
    ),
    { numRuns: 40 },
  );
});

it('leaves holes for zeroes', async () => {
  const content = Buffer.alloc(4 * 1024 * 1024);
  content.fill(1, 100 * PAGE, 102 * PAGE);
  const { path } = await copyOf(content);
  expect(await stat(path)).toMatchObject({ size: content.length, blocks: (2 * PAGE) / 512 });
});

it('has a digest of its own for another content, place and length', async () => {
  const block = Buffer.alloc(16 * PAGE, 1);
  const [none, other] = [Buffer.alloc(16 * PAGE), Buffer.alloc(16 * PAGE, 2)];
  const contents = [[block], [other], [block, none], [none, block], [block, block], [none], [none, none], []];
  const digests: string[] = [];
  for (const parts of contents) digests.push((await copyOf(Buffer.concat(parts))).digest);
  expect(new Set(digests).size).toBe(contents.length);
});

it('ends when it is aborted, and tells what it has read', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const onProgress = (bytes: number) => {
    seen.push(bytes);
    if (seen.length === 2) stop.abort(new Error('enough'));
  };
  const content = Buffer.alloc(3 * 1024 * 1024 + 1, 1);
  await expect(copyOf(content, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
  expect(seen).toEqual([1024 * 1024, 1024 * 1024]);
});

it('reads a file again only after it was written or replaced, whatever its times are set to', async () => {
  const digests = new KnownDigests();
  const [path, other] = [join(folder, 'memory'), join(folder, 'other')];
  await writeFile(path, 'one');
  await utimes(path, 1, 1);
  const first = await digests.of(path);
  expect(await digests.of(path)).toBe(first);
  await writeFile(path, 'two');
  await utimes(path, 1, 1);
  const second = await digests.of(path);
  expect(second).not.toBe(first);
  await writeFile(other, 'one');
  await rename(other, path);
  expect(await digests.of(path)).toBe(first);
  await appendFile(path, 'two');
  expect(await digests.of(path)).not.toBe(first);
  await rm(path);
  await expect(digests.of(path)).rejects.toMatchObject({ code: 'ENOENT' });
});
