import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifests } from './manifests.ts';

describe('readManifests', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-manifests-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const manifest = (name: string) => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;

  it('reads all documents of all files, in the order of their names', async () => {
    await writeFile(join(folder, 'b.yaml'), manifest('third'));
    await writeFile(join(folder, 'a.yaml'), `---\n${manifest('first')}---\n${manifest('second')}---\n`);
    await writeFile(join(folder, 'README.md'), 'no manifest');
    const names = (await readManifests(folder)).map(({ metadata }) => metadata.name);
    expect(names).toEqual(['first', 'second', 'third']);
    expect(await readManifests(join(folder, 'b.yaml'))).toHaveLength(1);
  });

  it.each(['kind: Namespace', 'just words', 'apiVersion: v1\nkind: Namespace\nmetadata: {}'])(
    'refuses %j with the name of the file',
    async (text) => {
      await writeFile(join(folder, 'a.yaml'), text);
      await expect(readManifests(folder)).rejects.toThrow(`${folder}/a.yaml: every document needs`);
    },
  );
});
