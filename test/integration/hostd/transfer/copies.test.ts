import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../../src/hostd/layers/content/chunks.ts';
import { identityOf } from '../../../../src/hostd/layers/content/identity.ts';
import { Lineage } from '../../../../src/hostd/layers/content/lineage.ts';
import { scan } from '../../../../src/hostd/layers/content/scan.ts';
import { Qcow2Reader } from '../../../../src/hostd/layers/qcow2/reader.ts';
import { withDirectory } from '../fixtures.ts';
import {
  createFleet,
  type Fleet,
  hostFolders,
  makeDisk,
  place,
  qemuImg,
  qemuIo,
  randomParts,
  receive,
  type Sealed,
  type Source,
  seal,
  startSource,
} from './fixtures.ts';

const MIB = 1024 * 1024;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await createFleet();
});

type Scene = {
  readonly a: Awaited<ReturnType<typeof hostFolders>>;
  readonly c: Awaited<ReturnType<typeof hostFolders>>;
  readonly source: Source;
  readonly scratch: string;
};

/** host-a gives its layers, host-c has none. */
async function withTwoHosts(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const [a, c] = [await hostFolders(directory, 'a'), await hostFolders(directory, 'c')];
    const source = await startSource({ fleet, name: 'host-a', root: a.root });
    try {
      await work({ a, c, source, scratch: join(directory, 'scratch') });
    } finally {
      await source.close();
    }
  });
}

async function identityByScan({ file, shape }: Sealed, parents: readonly Sealed[]): Promise<string> {
  const content = await Qcow2Reader.open(file);
  const manifests = await Promise.all(parents.map(({ folder }) => folder.readManifest()));
  const manifest = await scan(content, manifests.length === 0 ? {} : { parent: new Lineage(manifests) });
  await content.close();
  return identityOf(shape, manifest);
}

async function expectSameDisk(one: Sealed, other: Sealed): Promise<void> {
  await qemuImg('check', '-f', 'qcow2', other.file);
  expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', one.file, other.file)).toContain('identical');
}

describe('a layer that goes from host to host', () => {
  it('is the same disk there, and so is a layer on it', async () => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      // Its end divides a chunk.
      const bytes = 64 * MIB - 3 * 512;
      await makeDisk(scratch, bytes, [
        ...randomParts(0, 3),
        ...randomParts(100, 200),
        ...randomParts(1023, 1),
      ]);
      const base = await seal(a.root, scratch, 'disk');
      const peers = [source.peer];
      const asking = { fleet, directory: c.unfinished, peers };
      const copy = await place(c.root, base.identity, await receive(base, asking));
      await expectSameDisk(base, copy);
      expect(await identityByScan(copy, [])).toBe(base.identity);
      expect(source.read).toHaveLength(204);

      await qemuImg('create', '-f', 'qcow2', '-b', base.file, '-F', 'qcow2', scratch, String(80 * MIB));
      await qemuIo(
        scratch,
        'write -P 65 6M 1M',
        'write -z 7M 1M',
        'write -P 66 70M 64k',
        'write -P 0 8M 64k',
      );
      const child = await seal(a.root, scratch, 'disk', [base]);
      const childCopy = await place(
        c.root,
        child.identity,
        await receive(child, { ...asking, here: [copy] }),
      );
      await expectSameDisk(child, childCopy);
      expect(await identityByScan(childCopy, [copy])).toBe(child.identity);
      const info = JSON.parse(await qemuImg('info', '--output', 'json', childCopy.file)) as Record<
        string,
        unknown
      >;
      expect(info).toMatchObject({ 'backing-filename': copy.file, 'backing-filename-format': 'qcow2' });
    });
  });

  it('moves only what changed when it is the next version of one that is there', async () => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      const parts = randomParts(0, 300);
      await makeDisk(scratch, 64 * MIB, parts);
      const first = await seal(a.root, scratch, 'disk');
      // Moved by a chunk, with two that are new: what is the same is at other places.
      const moved = parts.map(({ chunk, content }) => ({ chunk: chunk + 1, content }));
      await makeDisk(scratch, 64 * MIB, [...moved, ...randomParts(0, 1), ...randomParts(500, 1)]);
      const next = await seal(a.root, scratch, 'disk');
      const asking = { fleet, directory: c.unfinished, peers: [source.peer] };
      const firstCopy = await place(c.root, first.identity, await receive(first, asking));
      source.read.length = 0;
      const copy = await place(c.root, next.identity, await receive(next, { ...asking, here: [firstCopy] }));
      expect(source.read).toEqual([0, 500]);
      await expectSameDisk(next, copy);
    });
  });

  it('takes nothing wrong from a layer of the host itself', async () => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      const parts = randomParts(0, 40);
      await makeDisk(scratch, 16 * MIB, parts);
      const first = await seal(a.root, scratch, 'disk');
      await makeDisk(scratch, 16 * MIB, [...parts, ...randomParts(60, 1)]);
      const next = await seal(a.root, scratch, 'disk');
      const asking = { fleet, directory: c.unfinished, peers: [source.peer] };
      const here = await place(c.root, first.identity, await receive(first, asking));
      await qemuIo(here.file, `write -P 7 ${20 * CHUNK_BYTES} 64k`);
      source.read.length = 0;
      const copy = await place(c.root, next.identity, await receive(next, { ...asking, here: [here] }));
      expect(source.read).toEqual(expect.arrayContaining([20, 60]));
      expect(source.read.length).toBeLessThan(20);
      await expectSameDisk(next, copy);
    });
  });

  it.each(['boot', 'cd'] as const)('is a file of kind %s, byte by byte, with its zeroes', async (kind) => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      const [one, two] = randomParts(0, 2).map(({ content }) => content) as [Buffer, Buffer];
      const kernel = Buffer.concat([one, Buffer.alloc(3 * CHUNK_BYTES), two.subarray(0, 1000)]);
      await writeFile(scratch, kernel);
      const layer = await seal(a.root, scratch, kind);
      const received = await receive(layer, { fleet, directory: c.unfinished, peers: [source.peer] });
      expect((await readFile(received.file)).equals(kernel)).toBe(true);
      expect(source.read).toEqual([0, 4]);
    });
  });

  it('is one whose parent is there: else it waits for that', async () => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      await makeDisk(scratch, MIB, randomParts(0, 2));
      const base = await seal(a.root, scratch, 'disk');
      await qemuImg('create', '-f', 'qcow2', '-b', base.file, '-F', 'qcow2', scratch);
      await qemuIo(scratch, 'write -P 65 0 64k');
      const child = await seal(a.root, scratch, 'disk', [base]);
      const asking = { fleet, directory: c.unfinished, peers: [source.peer] };
      await expect(receive(child, asking)).rejects.toMatchObject({
        reason: 'LayerMissing',
        message: `layer ${child.identity} is a difference to layer ${base.identity}, which this host has not: it continues when it has it`,
      });
      await receive(child, { ...asking, here: [base] });
      await expect(receive(base, { ...asking, peers: [] })).rejects.toMatchObject({
        reason: 'NoPeerGivesLayer',
        message: expect.stringContaining('no host is known'),
      });
    });
  });

  it('is as it is where the driver keeps disks so', async () => {
    await withTwoHosts(async ({ a, c, source, scratch }) => {
      await makeDisk(scratch, 4 * MIB, randomParts(3, 5));
      const raw = `${scratch}.raw`;
      await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', scratch, raw);
      const content = await readFile(raw);
      const layer = await seal(a.root, scratch, 'disk');
      const asking = { fleet, directory: c.unfinished, peers: [source.peer] };
      const { file } = await receive(layer, { ...asking, diskFormat: 'raw' });
      expect((await readFile(file)).equals(content)).toBe(true);
    });
  });
});
