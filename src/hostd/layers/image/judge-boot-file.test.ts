import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeBootFile } from './judge.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-judge-'));
  path = join(folder, 'image');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a file to boot from', () => {
  it.each([
    ['a web page', '<!DOCTYPE html>\n<html><body>Not found</body></html>\n'],
    ['nothing', ''],
  ])('is refused when it is %s', async (_name, content) => {
    await writeFile(path, content);
    await expect(judgeBootFile(path, 'it')).rejects.toMatchObject({
      reason: 'BootFileInvalid',
      kind: 'stalled',
    });
  });

  it.each([
    ['a program', Buffer.from('\x7fELF\x02\x01', 'latin1')],
    ['packed', gzipSync('initrd')],
  ])('is accepted when it is %s', async (_name, content) => {
    await writeFile(path, content);
    await judgeBootFile(path, 'it');
  });
});
