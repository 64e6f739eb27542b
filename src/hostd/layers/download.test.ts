import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hostErrors } from '../errors/index.ts';
import { download } from './download.ts';
import { WrongContent } from './wrong-content.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-download-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it('stops, and frees what it took, when the free space is used up halfway', async () => {
  const source = join(directory, 'source');
  await writeFile(source, '');
  await truncate(source, 40 * 1024 * 1024);
  const path = join(directory, 'target');
  const asked: number[] = [];
  const fetching = download({
    url: pathToFileURL(source).href,
    sha256: '0'.repeat(64),
    path,
    fileRoots: [directory],
    signal: new AbortController().signal,
    wrong: new WrongContent(),
    onProgress: () => undefined,
    ensureRoom: async (missing) => {
      asked.push(missing);
      if (asked.length > 1) throw hostErrors.notEnoughSpace('it', missing, 0);
    },
  });
  await expect(fetching).rejects.toMatchObject({ reason: 'DiskFull' });
  expect(asked).toEqual([40 * 1024 * 1024, 24 * 1024 * 1024]);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});
