import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { itUnless } from '../../../../test/skip.ts';
import { locate } from '../../programs.ts';
import { createSeed } from './seed.ts';

const run = promisify(execFile);
const searchPath = process.env.PATH ?? '';
const noXorriso =
  (await locate('xorriso', searchPath)) === undefined ? 'xorriso is not installed' : undefined;
/** As long as Debian's names are, with characters that ISO 9660 alone would change. */
const NAME = `0-qemu-guest-agent_1_3a7.2+dfsg-7+deb12u18+b3~${'x'.repeat(20)}_amd64.deb`;

describe('a seed', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-seed-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function make(name: string, modified: Date): Promise<string> {
    const files = join(folder, `${name}.files`);
    await mkdir(join(files, 'coppice'), { recursive: true });
    for (const path of ['user-data', 'meta-data', `coppice/${NAME}`]) {
      await writeFile(join(files, path), `content of ${path}`);
      await utimes(join(files, path), modified, modified);
    }
    const target = join(folder, `${name}.iso`);
    await createSeed({ searchPath }, files, target);
    return target;
  }

  itUnless(noXorriso, 'has the label by which cloud-init finds it, and keeps the names', async () => {
    const target = await make('a', new Date(0));
    const { stdout } = await run('xorriso', ['-indev', target, '-pvd_info', '-find', '/'], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/Volume Id\s*: cidata/);
    expect(stdout.split('\n').filter((line) => line.startsWith("'/"))).toEqual(
      expect.arrayContaining(["'/meta-data'", "'/user-data'", `'/coppice/${NAME}'`]),
    );
  });

  itUnless(noXorriso, 'has the same bytes for the same files, whenever they were written', async () => {
    const [first, second] = [await make('a', new Date(0)), await make('b', new Date(1e12))];
    expect((await readFile(first)).equals(await readFile(second))).toBe(true);
  });

  it('says what to install where no program makes it', async () => {
    await expect(createSeed({ searchPath: folder }, folder, join(folder, 'a.iso'))).rejects.toMatchObject({
      reason: 'ProgramMissing',
      message: expect.stringMatching(/apt-get install xorriso/),
    });
  });
});
