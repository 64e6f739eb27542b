import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImageTool } from '../../../src/hostd/drivers/driver.ts';
import { describeUnless, itUnless, notRoot } from '../../skip.ts';
import { createDriver, noQemu } from './scene.ts';

const run = promisify(execFile);
const mebibyte = 1024 * 1024;

describeUnless(noQemu, 'disk images by qemu-img', () => {
  let folder: string;
  let images: ImageTool;
  let layer: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-images-'));
    images = createDriver(folder).images;
    const raw = join(folder, 'raw');
    await writeFile(raw, Buffer.alloc(3 * mebibyte, 'content'));
    layer = join(folder, 'layer.qcow2');
    await images.convert(raw, 'raw', layer);
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const place = (name: string) => join(folder, name);

  it('rewrites a raw image as a qcow2 that needs no other file', async () => {
    expect(await images.inspect(layer, 'qcow2')).toEqual({
      virtualBytes: 3 * mebibyte,
      references: [],
    });
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', place('raw'), layer]);
  });

  it('makes overlays on the layer’s absolute path, of its size or a larger one, never a smaller', async () => {
    await images.createOverlay(layer, place('same'));
    expect(await images.inspect(place('same'), 'qcow2')).toEqual({
      virtualBytes: 3 * mebibyte,
      references: [layer],
    });
    await images.createOverlay(layer, place('larger'), 64 * mebibyte);
    expect((await images.inspect(place('larger'), 'qcow2')).virtualBytes).toBe(64 * mebibyte);
    await images.createOverlay(layer, place('smaller'), mebibyte);
    expect((await images.inspect(place('smaller'), 'qcow2')).virtualBytes).toBe(3 * mebibyte);
  });

  it('makes clones that stand alone, grown when asked for', async () => {
    await images.createOverlay(layer, place('overlay'));
    await images.createClone(place('overlay'), place('clone'), 8 * mebibyte);
    expect(await images.inspect(place('clone'), 'qcow2')).toEqual({
      virtualBytes: 8 * mebibyte,
      references: [],
    });
  });

  it('tells the other files that an image would pull in', async () => {
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${place('data')}`,
      place('split'),
      '1M',
    ]);
    expect((await images.inspect(place('split'), 'qcow2')).references).toEqual([place('data')]);
  });

  it('never writes over a file', async () => {
    const before = await readFile(layer);
    const exists = { reason: 'FileExists', message: expect.stringContaining(layer) };
    await expect(images.createOverlay(place('raw'), layer)).rejects.toMatchObject(exists);
    await expect(images.createClone(place('raw'), layer)).rejects.toMatchObject(exists);
    await expect(images.convert(place('raw'), 'raw', layer)).rejects.toMatchObject(exists);
    expect(await readFile(layer)).toEqual(before);
  });

  it('says in qemu-img’s words what is wrong with an image, and leaves nothing behind', async () => {
    const whole = await readFile(layer);
    for (const bytes of [200, 100_000, whole.length - 65_536]) {
      await writeFile(place('broken'), whole.subarray(0, bytes));
      expect(await images.damageOf(place('broken'), 'qcow2')).toMatch(/exceeding the end of the file/);
    }
    await expect(images.inspect(place('missing'), 'qcow2')).rejects.toMatchObject({
      reason: 'ImageInvalid',
      message: expect.stringMatching(/missing.*No such file/),
    });
    expect(await readdir(folder)).not.toContain('target');
  });

  it('stops when a copy becomes larger than there is room for, and leaves nothing behind', async () => {
    const limits = { roomBytes: mebibyte };
    const full = { reason: 'DiskFull', message: expect.stringContaining(place('target')) };
    await expect(images.convert(layer, 'qcow2', place('target'), limits)).rejects.toMatchObject(full);
    await expect(images.createClone(layer, place('target'), undefined, limits)).rejects.toMatchObject(full);
    expect(await readdir(folder)).not.toContain('target');
  });

  it('stops when it is aborted, and leaves nothing behind', async () => {
    const reason = new Error('not wanted any more');
    const aborted = images.convert(layer, 'qcow2', place('target'), { signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
    expect(await readdir(folder)).not.toContain('target');
  });

  itUnless(notRoot, 'says that the host’s disk is full, and leaves nothing behind', async () => {
    const small = place('small');
    await mkdir(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const target = join(small, 'target');
      await expect(images.createClone(layer, target)).rejects.toMatchObject({
        reason: 'DiskFull',
        message: expect.stringContaining(target),
      });
      await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await run('umount', ['--lazy', small]);
    }
  });
});
