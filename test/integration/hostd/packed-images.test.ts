import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImportStatus } from '../../../src/host/protocol.ts';
import { createImageTool } from '../../../src/hostd/drivers/common/images.ts';
import { locate } from '../../../src/hostd/programs.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { describeUnless } from '../../skip.ts';
import { eventually, withDirectory } from './fixtures.ts';
import { folderOf, Stores } from './stores.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const searchPath = process.env.PATH ?? '';
const noQemuImg =
  (await locate('qemu-img', searchPath)) === undefined ? 'qemu-img is not installed (qemu-utils)' : undefined;

const FORMATS = ['qcow2', 'raw', 'vmdk', 'vhdx', 'vdi', 'vpc'] as const;
const PACKERS = ['gzip', 'xz', 'zstd', 'bzip2'] as const;
/** Of each format, two of them: what unpacks does not know what is inside. COPPICE_TEST_PACKERS=all takes all. */
const packersOf = (format: (typeof FORMATS)[number]): readonly string[] =>
  process.env.COPPICE_TEST_PACKERS === 'all'
    ? PACKERS
    : PACKERS.filter((_, index) => (index + FORMATS.indexOf(format)) % 2 === 0);

/** With something on it here and there, and a size that formats keep. */
function aDisk(): Buffer {
  const disk = aBootableDisk('packed', 16 * MIB);
  for (let at = MIB; at < disk.length; at += 3 * MIB) disk.fill(`at ${at}`, at, at + 300_000);
  return disk;
}

describeUnless(noQemuImg, 'a packed image', () => {
  let folder: string;
  let store: Stores;
  let states: ImportStatus[];
  let leave: () => void;
  beforeEach(async () => {
    await new Promise<void>((ready) => {
      void withDirectory(async (directory) => {
        folder = directory;
        states = [];
        store = storeIn(directory);
        await store.open();
        const left = new Promise<void>((resolve) => {
          leave = resolve;
        });
        ready();
        await left;
      });
    });
  });
  afterEach(async () => {
    await store.close();
    leave();
  });

  const storeIn = (directory: string) =>
    new Stores(directory, {
      images: createImageTool({ searchPath }),
      onChange: (status) => states.push(status),
    });

  async function stored(content: Buffer): Promise<ImportStatus> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    const path = join(folder, sha256);
    await writeFile(path, content);
    await store.put(sha256, { kind: 'disk', url: pathToFileURL(path).href, template: 'default/x' });
    return await eventually(
      async () => {
        const status = store.get(sha256);
        return status?.state === 'Ready' || status?.problem !== undefined ? status : undefined;
      },
      async () => store.get(sha256),
    );
  }

  it.each(FORMATS)('of the format %s is the same disk, however it is packed', async (format) => {
    const raw = join(folder, 'raw');
    await writeFile(raw, aDisk());
    const image = join(folder, 'image');
    await run('qemu-img', ['convert', '-f', 'raw', '-O', format, raw, image]);
    for (const packer of packersOf(format)) {
      const content = execFileSync(packer, ['-1c'], { input: await readFile(image), maxBuffer: 2 ** 28 });
      const { sha256, state, problem, phase } = await stored(content);
      expect({ state, problem, phase }).toEqual({ state: 'Ready', problem: undefined, phase: undefined });
      const path = store.readyPath(sha256) ?? '';
      // A dynamic VHD is as long as its geometry of cylinders; what is beyond the disk is empty.
      await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', path, raw]);
      expect((await readdir(folderOf(folder, sha256, 'disk'))).toSorted()).toEqual([
        'import.json',
        'source.json',
      ]);
    }
    const phases = new Set(states.map(({ phase }) => phase));
    expect(phases.has('Unpacking')).toBe(true);
    expect(phases.has('Converting')).toBe(true);
  });

  it('that unpacks to a disk of mostly nothing takes little room, and little time', async () => {
    const raw = join(folder, 'raw');
    await writeFile(raw, aDisk());
    const content = execFileSync('sh', ['-c', `(cat ${raw}; head -c 256M /dev/zero) | zstd -qc`], {
      maxBuffer: 2 ** 28,
    });
    const { sha256, state, identity = '' } = await stored(content);
    const { virtualBytes } = store.layers.get(identity) ?? {};
    expect({ state, virtualBytes }).toEqual({ state: 'Ready', virtualBytes: (256 + 16) * MIB });
    expect((await stat(store.readyPath(sha256) ?? '')).blocks * 512).toBeLessThan(8 * MIB);
  });

  it('of nothing but zeroes is refused, and leaves nothing', async () => {
    const content = execFileSync('sh', ['-c', 'head -c 256M /dev/zero | zstd -qc']);
    const { sha256, problem } = await stored(content);
    expect(problem).toMatchObject({
      reason: 'ImageInvalid',
      message: expect.stringContaining('neither a boot sector'),
    });
    expect(await readdir(folderOf(folder, sha256, 'disk'))).toEqual(['source.json']);
  });
});
