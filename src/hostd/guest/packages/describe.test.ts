import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describePackage } from './describe.ts';
import { tar, tarEntry, zip, zipEnd } from './testing/archives.ts';

const descriptor = { name: 'shop' };
const json = JSON.stringify(descriptor);
const described = tarEntry({ name: 'service.json', text: json });
const other = tarEntry({ name: 'docs/service.json', text: '{"name":"not this"}' });
const long = tarEntry({ name: 'a', text: 'x'.repeat(5000) });
const file = (name: string) => tarEntry({ name, text: 'x' });
/** An entry of type x: pax records, each with its own length. */
const pax = (key: string, value: string) => {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = [...Array(9).keys()].find((count) => String(bytes + count).length === count) ?? 0;
  return tarEntry({ name: 'pax', type: 'x', text: `${bytes + digits}${rest}` });
};

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

  it.each([
    ['tar', tar(long, other, tarEntry({ name: './service.json', text: json })), (5 + 1 + 1) * 1024],
    ['tar', tar(described), 1024],
    ['tar.gz', gzipSync(tar(long, other, described)), (5 + 1 + 1) * 1024],
    ['zip', zip('service.json', json), 1024],
  ])('tells a %s from its bytes, adds up its files and reads its description', async (format, bytes, sum) => {
    expect(await archive(bytes, 'file.bin')).toEqual({
      ...{ kind: 'archive', fileName: 'file.bin', sizeBytes: bytes.length },
      ...{ format, unpackedBytes: sum, descriptor },
    });
  });

  it.each([
    ['tar', tar(long, other)],
    ['tar', tar(tarEntry({ name: 'service.json', type: '5' }), file('a'))],
    ['zip', zip('docs/service.json', json)],
  ])('finds no description in a %s that has none at its top', async (format, bytes) => {
    const facts = await archive(bytes);
    expect(facts).toMatchObject({ fileName: 'package', sizeBytes: bytes.length, format });
    expect(facts).not.toHaveProperty('descriptor');
  });

  it.each([
    ['a program', Buffer.from('\x7fELF and more'), 'server'],
    ['an empty file', Buffer.alloc(0), 'empty'],
    ['many zeroes', Buffer.alloc(100 * 1024), 'disk.tar'],
    ['a text that is gzipped', gzipSync('no tar'), 'notes.gz'],
    ['a web application, which is a zip', zip('service.json', json), 'shop.war'],
  ])('takes %s as it is', async (_, bytes, fileName) => {
    expect(await archive(bytes, fileName)).toMatchObject({ format: 'file' });
  });

  it.each<[string, Buffer, RegExp]>([
    ['a zip that was cut off', zip('service.json', json).subarray(0, 60), /cut off/],
    [
      'a zip whose end was glued to half of it',
      Buffer.concat([zip('a', json).subarray(0, 20), zipEnd()]),
      /empty/,
    ],
    ['a gzipped tar that was cut off at once', gzipSync(tar(long, long)).subarray(0, 40), /cut off/],
    [
      'a gzipped tar that was cut off later',
      gzipSync(tar(long, ...Array<Buffer>(50).fill(long)), { level: 0 }).subarray(0, 200_000),
      /cut off/,
    ],
    ['a gzip without its last bytes', gzipSync(tar(long)).subarray(0, -6), /cut off/],
    [
      'a gzip with a wrong sum',
      Buffer.concat([gzipSync(tar(long)).subarray(0, -8), Buffer.alloc(8, 7)]),
      /incorrect data check/,
    ],
    ['a tar that was cut off in a file', tar(long).subarray(0, 2000), /cut off/],
    ['a tar that was cut off in a header', tar(long, long).subarray(0, 5632 + 100), /cut off/],
    ['a tar with a damaged header', tar(long, Buffer.alloc(512, 'x')), /damaged at byte 5632/],
    ['an empty tar', tar(), /is empty: there is no file in it/],
    ['an empty tar of a larger block', Buffer.alloc(10_240), /is empty/],
    ['an empty tar, gzipped', gzipSync(tar()), /is empty/],
    ['a tar of folders', tar(tarEntry({ name: './', type: '5' }), tarEntry({ name: 'a/' })), /is empty/],
    ['an empty zip', zipEnd(), /is empty/],
    ['an encrypted zip', zip('a', 'x', 1), /"a" is encrypted/],
    ['a zip with an absolute name', zip('/etc/passwd', 'x'), /"\/etc\/passwd" has an absolute name/],
    ['a zip that leads out', zip('a/../../b', 'x'), /"a\/\.\.\/\.\.\/b" leads out of the package/],
    ['an absolute name', tar(file('/etc/passwd')), /absolute name/],
    ['a name that leads out', tar(file('ok/../../b')), /leads out/],
    ['a long name that leads out', tar(pax('path', `${'d/'.repeat(100)}../x`), file('short')), /leads out/],
    [
      'a GNU name that leads out',
      tar(tarEntry({ name: 'L', type: 'L', text: '../x\0' }), file('short')),
      /leads out/,
    ],
    [
      'a hard link that leads out',
      tar(file('a'), tarEntry({ name: 'b', type: '1', target: '../a' })),
      /leads out/,
    ],
    ['a hard link to the host', tar(tarEntry({ name: 'b', type: '1', target: '/etc/passwd' })), /absolute/],
    [
      'a file through a link',
      tar(tarEntry({ name: './etc', type: '2', target: '/etc' }), file('etc//passwd')),
      /"etc\/\/passwd" is to be unpacked through a link/,
    ],
    ['a part that is too long', tar(pax('path', 'ü'.repeat(128)), file('short')), /too long/],
    ['a path that is too long', tar(pax('path', 'd/'.repeat(2000)), file('short')), /too long/],
    [
      'an extension that is too long',
      tar(tarEntry({ name: 'x', type: 'x', text: 'x'.repeat(1024 * 1024 + 1) })),
      /too long/,
    ],
    ['a name that is ours', tar(file('./.coppice-web/x')), /none may begin with \.coppice-/],
    ['a bomb', tar(pax('size', String(20 * 1024 ** 3)), file('a')), /more than 16 GiB/],
    ['a size that is none', tar(pax('size', '-5'), file('a')), /size of its "a" is damaged/],
  ])('refuses %s, with what is wrong', async (_, bytes, says) => {
    await expect(archive(bytes, 'site')).rejects.toMatchObject({
      reason: 'PackageInvalid',
      kind: 'stalled',
      message: expect.stringMatching(new RegExp(`the package site cannot be (read|used): .*${says.source}`)),
    });
  });

  it.each<[string, Buffer, number]>([
    ['no blocks at its end', Buffer.concat([file('a'), file('b')]), 2],
    ['something after its end', tar(tar(file('a')), Buffer.from('rest')), 1],
    ['names in any encoding, and line feeds in them', tar(file('caf\xe9'), file('a\nb'), file('?')), 3],
    ['a long name', tar(pax('path', `${'e'.repeat(250)}.html`), file('short')), 1],
    ['the same name twice', tar(file('a'), file('a')), 2],
    [
      'links',
      tar(
        file('a'),
        tarEntry({ name: 'b', type: '1', target: 'a' }),
        tarEntry({ name: 'bin/python', type: '2', target: '/usr/bin/python3' }),
      ),
      1,
    ],
    ['a global header', tar(tarEntry({ name: 'g', type: 'g', text: '18 comment=x\n' }), file('a')), 1],
  ])('takes a tar with %s', async (_, bytes, files) => {
    const unpackedBytes = files * 1024;
    expect(await archive(bytes)).toMatchObject({ format: 'tar', unpackedBytes });
    expect(await archive(gzipSync(bytes))).toMatchObject({ format: 'tar.gz', unpackedBytes });
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
