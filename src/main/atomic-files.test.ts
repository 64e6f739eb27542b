import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFileIfThere, writeFileAtomically } from './atomic-files.ts';

describe('files', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coppice-files-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('are written with their folder and mode, replaced whole, and nothing is left beside them', async () => {
    const path = join(dir, 'made', 'file');
    await writeFileAtomically(path, 'a long first text', 0o600);
    await writeFileAtomically(path, 'second', 0o600);
    expect(await readFile(path, 'utf8')).toBe('second');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dir, 'made'))).toEqual(['file']);
  });

  it('that cannot be written leave nothing behind', async () => {
    await mkdir(join(dir, 'taken', 'by-a-folder'), { recursive: true });
    await expect(writeFileAtomically(join(dir, 'taken'), 'text')).rejects.toThrow();
    expect(await readdir(dir)).toEqual(['taken']);
  });

  it('that are missing differ from those that cannot be read', async () => {
    expect(await readFileIfThere(join(dir, 'none'))).toBeUndefined();
    await expect(readFileIfThere(dir)).rejects.toThrow('EISDIR');
  });
});
