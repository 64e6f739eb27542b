import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aCd, aUdfCd } from '../../../../test/builders/disk-images.ts';
import { judgeCd } from './cd.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-judge-'));
  path = join(folder, 'image');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const judge = async (content: Buffer | string) => {
  await writeFile(path, content);
  return await judgeCd(path, 'it');
};

/** What precedes the file systems is anybody's. */
function withBootCode(cd: Buffer): Buffer {
  cd.write('QFI\xfb', 0, 'latin1');
  cd.writeUInt16BE(0x55aa, 510);
  return cd;
}

function both(): Buffer {
  const cd = aUdfCd(400);
  aCd(20).copy(cd, 16 * 2048, 16 * 2048, 18 * 2048);
  return cd;
}

it.each([
  ['ISO 9660', aCd(20)],
  ['ISO 9660', Buffer.concat([aCd(20), Buffer.alloc(100)])],
  ['ISO 9660', withBootCode(aCd(20))],
  ['UDF', aUdfCd(400)],
  ['ISO 9660 and UDF', both()],
])('a CD has %s (%#)', async (content, cd) => {
  await expect(judge(cd)).resolves.toBe(content);
});

it.each([
  [
    'in the middle of its files',
    aCd(20).subarray(0, -1),
    /ISO 9660 file system reaches to 40960 bytes.*ends at 40959/,
  ],
  ['in its descriptions', aCd(20).subarray(0, 17 * 2048 - 1000), /not a CD/],
  ['before the files of UDF', aUdfCd(400).subarray(0, 399 * 2048), /UDF file system reaches to 819200 bytes/],
  [
    'before the anchor of UDF',
    aUdfCd(400).subarray(0, 256 * 2048),
    /UDF file system reaches to 526336 bytes/,
  ],
  ['in the UDF part of both', both().subarray(0, 300 * 2048), /its UDF file system/],
])('a CD that was cut off %s is refused', async (_, cd, message) => {
  await expect(judge(cd)).rejects.toMatchObject({
    reason: 'CdInvalid',
    kind: 'stalled',
    message: expect.stringMatching(message),
  });
});

it('a CD without its primary description is refused', async () => {
  const cd = aCd(20);
  cd.writeUInt8(0, 16 * 2048);
  await expect(judge(cd)).rejects.toMatchObject({
    message: expect.stringMatching(/no primary volume descriptor/),
  });
});

it('of numbers that make no sense, as little is read as of others', async () => {
  const cd = aUdfCd(400);
  cd.writeUInt32LE(0xffff_ffff, 256 * 2048 + 16);
  cd.writeUInt32LE(0xffff_ffff, 256 * 2048 + 20);
  await expect(judge(cd)).rejects.toMatchObject({ reason: 'CdInvalid' });
});

it.each([
  ['packed', gzipSync(aCd(20)), /is a gzip file, not a CD: unpack it first \(gunzip\)/],
  ['a disk', Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), /a disk image \(qcow2\).*goes into source\.image/],
  ['an encrypted disk', Buffer.from('LUKS\xba\xbe', 'latin1'), /an encrypted disk image/],
  ['a web page', '<!DOCTYPE html>\n<html></html>\n', /a web page \(HTML\), not a CD/],
  ['nothing', '', /an empty file, not a CD/],
  ['nothing known', Buffer.alloc(64 * 2048, 1), /without the file system of a CD/],
])('what is %s is refused, with what it is', async (_, content, message) => {
  await expect(judge(content)).rejects.toMatchObject({
    reason: 'CdInvalid',
    kind: 'stalled',
    message: expect.stringMatching(message),
  });
});
