import { execFileSync } from 'node:child_process';
import { pbkdf2, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { locate } from '../../programs.ts';
import type { Packing } from '../driver.ts';
import { findProcess } from './processes.ts';
import { createUnpack } from './unpack.ts';

const searchPath = process.env.PATH ?? '';
const PACKINGS: readonly Packing[] = ['gzip', 'xz', 'zstd', 'bzip2'];
/** Of several blocks of the packers, with something in each and zeroes between. */
const CONTENT = Buffer.concat([randomBytes(2000), Buffer.alloc(200_000), randomBytes(500)]);

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-unpack-'));
  path = join(folder, 'packed');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pack = (packing: Packing, content: Buffer) => execFileSync(packing, ['-c'], { input: content });

async function unpacked(packing: Packing, content: Buffer, unpack = createUnpack({ searchPath })) {
  await writeFile(path, content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of unpack(path, packing, 'the file')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The programs that an unpacking needs, of which one is a script. */
async function withProgram(name: string, does: string, config: { unpackShortMs?: number } = {}) {
  const programs = join(folder, 'bin');
  await mkdir(programs);
  for (const limiter of ['prlimit', 'setpriv', 'sh', 'sleep']) {
    await symlink((await locate(limiter, searchPath)) ?? '', join(programs, limiter));
  }
  if (does !== '') {
    await writeFile(join(programs, name), `#!/bin/sh\n${does}\n`);
    await chmod(join(programs, name), 0o755);
  }
  return createUnpack({ searchPath: programs, ...config });
}

const refused = (message: RegExp) => ({
  reason: 'ImageInvalid',
  kind: 'stalled',
  message: expect.stringMatching(message),
});

describe.each(PACKINGS)('a %s file', (packing) => {
  it('gives what is in it, and one after the other what is in several', async () => {
    const packed = pack(packing, CONTENT);
    expect(await unpacked(packing, packed)).toEqual(CONTENT);
    expect(await unpacked(packing, Buffer.concat([packed, packed]))).toEqual(
      Buffer.concat([CONTENT, CONTENT]),
    );
  });

  it('that was cut off, wherever, is refused', async () => {
    const packed = pack(packing, CONTENT);
    const inHeader = [7, 10, 13, 20];
    const inContent = Array.from({ length: 8 }, (_, index) => Math.floor((packed.length * (index + 1)) / 10));
    const inTail = Array.from({ length: 14 }, (_, index) => packed.length - 1 - index);
    for (const at of [...inHeader, ...inContent, ...inTail]) {
      await expect(unpacked(packing, packed.subarray(0, at)), `at ${at}`).rejects.toMatchObject(
        refused(/^the file is an? \w+ file that cannot be unpacked: it was cut off \(.*publish that/s),
      );
    }
  });

  it('that is damaged, or followed by something else, is refused', async () => {
    const packed = pack(packing, CONTENT);
    const damaged = Buffer.from(packed);
    damaged.writeUInt8(damaged.readUInt8(1000) ^ 0x55, 1000);
    await expect(unpacked(packing, damaged)).rejects.toMatchObject(refused(/it is damaged/));
    for (const tail of ['x', 'something else that follows', '<html>']) {
      const followed = Buffer.concat([packed, Buffer.from(tail)]);
      await expect(unpacked(packing, followed), tail).rejects.toMatchObject(refused(/cannot be unpacked/));
    }
  });
});

it('a file that needs more memory than its limit is refused', async () => {
  const needs = execFileSync('zstd', ['-cq', '--ultra', '-22', '--long=31'], { input: CONTENT });
  // A size that the packer knows makes its window smaller.
  const greedy = execFileSync('sh', ['-c', 'head -c 200000 /dev/zero | xz --lzma2=dict=1536MiB -c']);
  await expect(unpacked('xz', greedy)).resolves.toHaveLength(200_000);
  await expect(unpacked('zstd', needs)).rejects.toMatchObject(refused(/more memory than such a file may/));
});

describe('the program that unpacks', () => {
  it('has limits of time and memory', async () => {
    const slow = await withProgram('gzip', 'exec sleep 600', { unpackShortMs: 200 });
    await expect(unpacked('gzip', CONTENT, slow)).rejects.toMatchObject(
      refused(/was unpacked for 0 s, more than/),
    );
    await rm(join(folder, 'bin'), { recursive: true });
    const greedy = await withProgram('gzip', 'ulimit -v; ulimit -c');
    expect((await unpacked('gzip', CONTENT, greedy)).toString()).toBe(`${2 * 1024 ** 2}\n0\n`);
  });

  it('that a signal ended, or that could not begin, says nothing about the file', async () => {
    const killed = await withProgram('xz', 'kill -KILL $$');
    await expect(unpacked('xz', CONTENT, killed)).rejects.toMatchObject({
      reason: 'UnpackerEnded',
      kind: 'retry',
    });
    await writeFile(join(folder, 'bin/xz'), '#!/no/such/interpreter\n');
    await expect(unpacked('xz', CONTENT, killed)).rejects.toMatchObject({
      reason: 'ImageToolBroken',
      kind: 'retry',
    });
  });

  it('is heard to the end, however soon it ends', async () => {
    const quick = await withProgram('gzip', 'echo said');
    let isOver = false;
    // While these keep Node's threads busy, a file is closed later than the program ends.
    const busy = Array.from({ length: 16 }, async () => {
      while (!isOver) await promisify(pbkdf2)('a', 'b', 20_000, 64, 'sha512');
    });
    try {
      expect((await unpacked('gzip', CONTENT, quick)).toString()).toBe('said\n');
    } finally {
      isOver = true;
      await Promise.all(busy);
    }
  });

  it('that is missing is named, with its package', async () => {
    const without = await withProgram('xz', '');
    await expect(unpacked('xz', CONTENT, without)).rejects.toMatchObject({
      reason: 'ProgramMissing',
      kind: 'retry',
      message: expect.stringContaining('install xz-utils'),
    });
  });

  it('is gone when the reader stops, or when its abort is reported', async () => {
    const script = `echo $$ > ${folder}/pid; echo begun; exec sleep 600`;
    const unpack = await withProgram('gzip', script);
    const pid = async () => Number(await readFile(join(folder, 'pid'), 'utf8'));
    await writeFile(path, CONTENT);
    for await (const chunk of unpack(path, 'gzip', 'the file')) {
      expect(String(chunk)).toBe('begun\n');
      break;
    }
    expect(await findProcess(await pid())).toBeUndefined();
    const stop = new AbortController();
    const reading = unpacked('gzip', CONTENT, (...[from, packing, what]) =>
      unpack(from, packing, what, stop.signal),
    );
    await rm(join(folder, 'pid'));
    await vi.waitFor(async () => expect(await pid()).toBeGreaterThan(1), 20_000);
    stop.abort(new Error('not wanted any more'));
    await expect(reading).rejects.toThrow('not wanted any more');
    expect(await findProcess(await pid())).toBeUndefined();
  });
});
