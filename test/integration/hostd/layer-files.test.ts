import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../src/hostd/layers/content/chunks.ts';
import { Lineage } from '../../../src/hostd/layers/content/lineage.ts';
import { scan } from '../../../src/hostd/layers/content/scan.ts';
import { Qcow2Layout } from '../../../src/hostd/layers/qcow2/layout.ts';
import { Qcow2Reader } from '../../../src/hostd/layers/qcow2/reader.ts';

const run = promisify(execFile);
let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-qcow2-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function qemuIo(path: string, ...commands: readonly string[]): Promise<void> {
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
}

/** Writes the layer of `path` again, from its manifest and its chunks, last chunk first. */
async function rewritten(path: string, target: string, parent?: Lineage): Promise<void> {
  const reader = await Qcow2Reader.open(path);
  const manifest = await scan(reader, parent === undefined ? {} : { parent });
  const { virtualBytes } = reader;
  const { backing } = reader.header;
  const layout = new Qcow2Layout({ virtualBytes, manifest, ...(backing === undefined ? {} : { backing }) });
  const file = await open(target, 'w');
  await file.truncate(layout.fileBytes);
  await file.write(layout.head(), 0, undefined, 0);
  for (const index of [...manifest.dataChunks()].reverse()) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    await reader.read(
      chunk.subarray(0, Math.min(CHUNK_BYTES, virtualBytes - index * CHUNK_BYTES)),
      index * CHUNK_BYTES,
    );
    await file.write(chunk, 0, CHUNK_BYTES, layout.offsetOf(index));
  }
  await file.close();
  await reader.close();
}

describe('files of layers', () => {
  it('are read as qemu-img reads them, and written so that it finds no fault', async () => {
    // Four tables of the second level, of which one is empty; a size that no chunk divides.
    const size = 1600 * 1024 * 1024 + 512;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', at('base'), String(size)]);
    await qemuIo(
      at('base'),
      'write -P 1 0 200k',
      'write -z 1M 128k',
      'write -P 7 513M 64k',
      'write -P 3 1600M 512',
    );
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      at('base'),
      at('child'),
      String(size + CHUNK_BYTES * 3),
    ]);
    await qemuIo(
      at('child'),
      'write -P 9 64k 64k',
      'write -z 128k 64k',
      'write -P 7 513M 64k',
      'write -P 4 1600M 100k',
    );
    await rewritten(at('base'), at('base2'));
    const base = await Qcow2Reader.open(at('base'));
    const parent = new Lineage([await scan(base)]);
    await base.close();
    await rewritten(at('child'), at('child2'), parent);
    for (const name of ['base', 'child']) {
      await run('qemu-img', ['check', '-q', '-f', 'qcow2', at(`${name}2`)]);
      await run('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', at(`${name}2`), at(name)]);
    }
    const { stdout } = await run('qemu-img', ['info', '--output=json', at('child2')]);
    expect(JSON.parse(stdout)).toMatchObject({
      'backing-filename': at('base'),
      'backing-filename-format': 'qcow2',
    });
    const child = await Qcow2Reader.open(at('child2'));
    const manifest = await scan(child, { parent });
    await child.close();
    // What was written again with the parent's bytes is the parent's.
    expect(manifest.at(513 * 16).kind).toBe('parent');
    expect(manifest.dataCount).toBe(3);
  });

  it('are refused when they are damaged, of another format, or have what layers have not', async () => {
    const open = (name: string) => Qcow2Reader.open(at(name));
    await writeFile(at('text'), 'hello');
    await expect(open('text')).rejects.toThrow(/text cannot be used as a layer: it is no qcow2 file/);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', at('small'), '10M']);
    await expect(open('small')).rejects.toThrow(/clusters have 4096 bytes/);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', at('old'), '10M']);
    await expect(open('old')).rejects.toThrow(/version 2/);
    await run('qemu-img', ['convert', '-c', '-O', 'qcow2', at('base'), at('packed')]);
    const packed = await open('packed');
    await expect(scan(packed)).rejects.toThrow(/compressed/);
    await packed.close();
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', at('cut'), '100M']);
    await qemuIo(at('cut'), 'write -P 1 10M 1M');
    await run('truncate', ['-s', '400k', at('cut')]);
    const cut = await open('cut');
    await expect(scan(cut)).rejects.toThrow(/ends before its data/);
    await cut.close();
  });
});
