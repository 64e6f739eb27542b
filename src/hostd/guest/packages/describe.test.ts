import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describePackage } from './describe.ts';

const descriptor = { name: 'shop' };
const json = JSON.stringify(descriptor);

/** One entry of a tar. */
function tarEntry(name: string, text: string, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const content = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  content.write(text);
  return Buffer.concat([header, content]);
}

function tar(...entries: readonly Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

/** A zip with one stored file. */
function zip(name: string, text: string): Buffer {
  const local = Buffer.alloc(30);
  local.write('PK\x03\x04');
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.write('PK\x01\x02');
  entry.writeUInt32LE(text.length, 20);
  entry.writeUInt32LE(text.length, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + text.length, 16);
  return Buffer.concat([local, Buffer.from(name + text), entry, Buffer.from(name), end]);
}

describe('describePackage', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-packages-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function archive(bytes: Buffer, fileName = 'package') {
    const path = join(folder, 'content');
    await writeFile(path, bytes);
    return describePackage({ kind: 'archive', path, fileName });
  }

  const other = tarEntry('docs/service.json', '{"name":"not this"}');
  const long = tarEntry('a', 'x'.repeat(5000));

  it.each([
    ['tar', tar(long, other, tarEntry('./service.json', json))],
    ['tar', tar(tarEntry('service.json', json))],
    ['tar.gz', gzipSync(tar(long, other, tarEntry('service.json', json)))],
    ['zip', zip('service.json', json)],
  ])('tells a %s from its bytes and reads its description', async (format, bytes) => {
    const facts = await archive(bytes, 'file.bin');
    expect(facts).toEqual({
      kind: 'archive',
      fileName: 'file.bin',
      sizeBytes: bytes.length,
      format,
      descriptor,
    });
  });

  it.each([
    ['tar', tar(long, other)],
    ['tar', tar(tarEntry('service.json', '', '5'))],
    ['zip', zip('docs/service.json', json)],
  ])('finds no description in a %s that has none at its top', async (format, bytes) => {
    expect(await archive(bytes)).toEqual({
      kind: 'archive',
      fileName: 'package',
      sizeBytes: bytes.length,
      format,
    });
  });

  it.each([
    ['a program', Buffer.from('\x7fELF and more'), 'server'],
    ['an empty file', Buffer.alloc(0), 'empty'],
    ['a text that is gzipped', gzipSync('no tar'), 'notes.gz'],
    ['a web application, which is a zip', zip('service.json', json), 'shop.war'],
  ])('takes %s as it is', async (_, bytes, fileName) => {
    expect(await archive(bytes, fileName)).toMatchObject({ format: 'file' });
  });

  it.each([
    ['a zip that was cut off', zip('service.json', json).subarray(0, 60)],
    ['a gzipped tar that was cut off', gzipSync(tar(long, long)).subarray(0, 40)],
  ])('says that %s is damaged', async (_, bytes) => {
    await expect(archive(bytes, 'site')).rejects.toMatchObject({
      reason: 'PackageInvalid',
      kind: 'stalled',
      message: expect.stringContaining('site'),
    });
  });

  it('describes inline files, and passes on a description that is no JSON', async () => {
    const files = { 'index.html': Buffer.from('hello'), 'service.json': Buffer.from('name: shop') };
    expect(await describePackage({ kind: 'files', files })).toEqual({
      kind: 'files',
      files: [
        { name: 'index.html', sizeBytes: 5 },
        { name: 'service.json', sizeBytes: 10 },
      ],
      descriptor: 'name: shop',
    });
    expect(await describePackage({ kind: 'none' })).toEqual({ kind: 'none' });
  });
});
