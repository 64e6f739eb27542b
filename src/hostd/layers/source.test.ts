import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSource } from './source.ts';

const PIPE_MAKER = 'mkfifo';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-source-'));
  await mkdir(join(directory, 'images'));
  await mkdir(join(directory, 'images-of-others'));
  await writeFile(join(directory, 'images/disk, 1.img'), 'an image');
  await writeFile(join(directory, 'images-of-others/key'), 'a key');
  await symlink('../images-of-others/key', join(directory, 'images/link-out'));
  await symlink('disk, 1.img', join(directory, 'images/link-in'));
  await symlink('images', join(directory, 'link-to-images'));
  execFileSync(PIPE_MAKER, [join(directory, 'images/pipe')]);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (path: string, roots: readonly string[]) =>
  openSource(
    pathToFileURL(join(directory, path)).href,
    0,
    new AbortController().signal,
    roots.map((root) => join(directory, root)),
  );

/** Whether this process has the file open. */
async function openNow(name: string): Promise<boolean> {
  const path = await realpath(join(directory, 'images', name));
  const links = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => undefined),
  );
  return (await Promise.all(links)).includes(path);
}

describe('a file: address', () => {
  it.each([
    { path: 'images/disk, 1.img', roots: ['images'] },
    { path: 'images/link-in', roots: ['images'] },
    { path: 'images/disk, 1.img', roots: ['no-such-folder', 'link-to-images'] },
    { path: 'link-to-images/disk, 1.img', roots: ['images/'] },
  ])('is read if it is below an allowed folder: $path below $roots', async ({ path, roots }) => {
    const { body, totalBytes } = await open(path, roots);
    expect(await text(body)).toBe('an image');
    expect(totalBytes).toBe(8);
  });

  it('gives parts that stay until the next one is asked for, however late that is', async () => {
    const content = randomBytes(7 * 1024 * 1024 + 1);
    await writeFile(join(directory, 'images/large'), content);
    const { body } = await open('images/large', ['images']);
    const seen: Buffer[] = [];
    for await (const part of body as AsyncIterable<Buffer>) {
      await delay(5);
      seen.push(Buffer.from(part));
    }
    expect(Buffer.concat(seen).equals(content)).toBe(true);
    if (!body.closed) await once(body, 'close');
    expect(await openNow('large')).toBe(false);
  });

  it('is closed when nobody reads it', async () => {
    const { body } = await open('images/disk, 1.img', ['images']);
    expect(await openNow('disk, 1.img')).toBe(true);
    body.destroy();
    await once(body, 'close');
    expect(await openNow('disk, 1.img')).toBe(false);
  });

  it.each([
    { what: 'no folder is allowed', path: 'images/disk, 1.img', roots: [] },
    { what: 'it is elsewhere', path: 'images-of-others/key', roots: ['images'] },
    { what: 'a link leads elsewhere', path: 'images/link-out', roots: ['images'] },
    { what: 'it is elsewhere and does not exist', path: 'images-of-others/no-key', roots: ['images'] },
  ])('is refused, and not tried again, when $what; the message says what to do', async ({ path, roots }) => {
    await expect(open(path, roots)).rejects.toMatchObject({
      reason: 'FileNotAllowed',
      kind: 'stalled',
      message: expect.stringContaining('--file-root'),
    });
  });

  it.each(['images/no-such', 'images/pipe', 'images'])(
    'is reported as unreadable at once: %s',
    async (path) => {
      await expect(open(path, ['images', '.'])).rejects.toMatchObject({ reason: 'SourceUnreachable' });
    },
  );
});
