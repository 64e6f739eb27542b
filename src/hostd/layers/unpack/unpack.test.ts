import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBootableDisk } from '../../../../test/builders/disk-images.ts';
import { createUnpack } from '../../drivers/common/unpack.ts';
import { hostErrors } from '../../errors/index.ts';
import { tar, tarEntry } from '../../guest/packages/testing/archives.ts';
import { type UnpackRequest, unpackImage } from './unpack.ts';

const MIB = 1024 * 1024;
const unpack = createUnpack({ searchPath: process.env.PATH ?? '' });
/** As far as its first bytes say. */
const VMDK = Buffer.concat([Buffer.from('KDMV'), randomBytes(200_000)]);
const DISK = Buffer.concat([aBootableDisk('a disk'), randomBytes(100_000), Buffer.alloc(MIB)]);

let folder: string;
let path: string;
let into: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-unpack-'));
  path = join(folder, 'arrived.partial');
  into = join(folder, 'unpacked.partial');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function unpackAll(content: Buffer, overrides: Partial<UnpackRequest> = {}): Promise<Buffer> {
  await writeFile(path, content);
  const found = await unpackImage({
    path,
    into,
    what: 'the file',
    isContainerLayer: false,
    images: { unpack },
    signal: new AbortController().signal,
    ensureRoom: async () => undefined,
    onUnpacking: () => undefined,
    ...overrides,
  });
  return await readFile(found);
}

/** It is refused with this sentence, and nothing of it is left. */
async function refuses(content: Buffer, message: RegExp, overrides: Partial<UnpackRequest> = {}) {
  await expect(unpackAll(content, overrides)).rejects.toMatchObject({
    reason: 'ImageInvalid',
    kind: 'stalled',
    message: expect.stringMatching(message),
  });
  expect(await readdir(folder)).toEqual(['arrived.partial']);
}

const sum = (algorithm: string, content: Buffer | string) =>
  createHash(algorithm).update(content).digest('hex');
const OVF = '<Envelope/>';
const ovf = tarEntry({ name: 'vm.ovf', text: OVF });
const vmdk = tarEntry({ name: 'vm-disk1.vmdk', text: VMDK });
const manifest = (text: string) => tarEntry({ name: 'vm.mf', text });

describe('a file', () => {
  it('that is not packed stays where it is', async () => {
    expect(await unpackAll(DISK, { into: '/nowhere/at all' })).toEqual(DISK);
    // These are refused when they are judged.
    expect(await unpackAll(Buffer.from('PK\x03\x04'), { into: '/nowhere/at all' })).toHaveLength(4);
  });

  it('that is packed is unpacked over what an earlier attempt left, with holes for zeroes', async () => {
    const large = Buffer.concat([DISK, Buffer.alloc(64 * MIB), randomBytes(1000), Buffer.alloc(MIB - 1)]);
    await writeFile(into, randomBytes(100 * MIB));
    const phases: string[] = [];
    const found = await unpackAll(gzipSync(large, { level: 1 }), { onUnpacking: () => phases.push('once') });
    expect(found.equals(large)).toBe(true);
    expect((await stat(into)).blocks * 512).toBeLessThan(2 * MIB);
    expect(phases).toEqual(['once']);
  });

  it('of zeroes without an end fills no disk', async () => {
    const bomb = execFileSync('sh', ['-c', 'head -c 2G /dev/zero | zstd -qc']);
    await writeFile(path, bomb);
    let asked = 0;
    await unpackImage({
      path,
      into,
      what: 'the file',
      isContainerLayer: false,
      images: { unpack },
      signal: new AbortController().signal,
      ensureRoom: async () => {
        asked += 1;
      },
      onUnpacking: () => undefined,
    });
    expect(await stat(into)).toMatchObject({ size: 2 * 1024 * MIB, blocks: 0 });
    expect(asked).toBe(1);
  });

  it('that becomes larger than the disk is not written on', async () => {
    const bomb = execFileSync('sh', ['-c', 'yes | head -c 1G | zstd -qc']);
    let asked = 0;
    const ensureRoom = async () => {
      asked += 1;
      if (asked > 3) throw hostErrors.notEnoughSpace('the file', 1, 0);
    };
    await expect(unpackAll(bomb, { ensureRoom })).rejects.toMatchObject({
      reason: 'DiskFull',
      kind: 'retry',
    });
    expect(await readdir(folder)).toEqual(['arrived.partial']);
  });

  it('that was packed twice is refused, as is an archive that is packed', async () => {
    await refuses(gzipSync(gzipSync(DISK)), /a gzip file with a gzip file in it/);
    await refuses(gzipSync(tar(ovf, vmdk)), /a gzip file with a tar archive in it.*take the disk image out/);
  });

  it('is not unpacked further when nobody wants it', async () => {
    const stop = new AbortController();
    stop.abort(new Error('not wanted'));
    await expect(unpackAll(gzipSync(DISK), { signal: stop.signal })).rejects.toThrow('not wanted');
    await expect(unpackAll(tar(ovf, vmdk), { signal: stop.signal })).rejects.toThrow('not wanted');
    expect(await readdir(folder)).toEqual(['arrived.partial']);
  });
});

describe('a virtual appliance', () => {
  it('gives its one disk, whatever else it has', async () => {
    const others = [
      tarEntry({ name: 'vm.cert', text: 'a certificate' }),
      tarEntry({ name: 'vm.nvram', text: randomBytes(70_000) }),
      tarEntry({ name: 'folder/', type: '5' }),
      tarEntry({ name: 'link.vmdk', type: '2', target: '/etc/passwd' }),
    ];
    expect(await unpackAll(tar(ovf, ...others, vmdk))).toEqual(VMDK);
  });

  it.each(['sha1', 'sha256', 'sha512'])(
    'is compared with its manifest by %s, wherever that is',
    async (algorithm) => {
      const name = algorithm.toUpperCase();
      const right = `${name}(vm.ovf)= ${sum(algorithm, OVF)}\n${name} (vm-disk1.vmdk) = ${sum(algorithm, VMDK)}\r\n`;
      expect(await unpackAll(tar(ovf, manifest(right), vmdk))).toEqual(VMDK);
      expect(await unpackAll(tar(ovf, vmdk, manifest(right)))).toEqual(VMDK);
      const wrong = right.replace(sum(algorithm, VMDK), sum(algorithm, 'another disk'));
      await refuses(tar(ovf, manifest(wrong), vmdk), new RegExp(`gives vm-disk1.vmdk the ${algorithm} `));
      const other = right.replace(sum(algorithm, OVF), sum(algorithm, 'another text'));
      await refuses(tar(ovf, vmdk, manifest(other)), /gives vm.ovf the .* export it again/);
    },
  );

  it('with several disks, or none, or a packed one, is refused, and the disks are named', async () => {
    const second = tarEntry({ name: 'vm-disk2.vmdk', text: VMDK });
    await refuses(tar(ovf, vmdk, second), /has 2 disks \(vm-disk1\.vmdk, vm-disk2\.vmdk\).*take out the one/);
    const many = Array.from({ length: 15 }, (_, at) => tarEntry({ name: `${at}.vmdk`, text: VMDK }));
    await refuses(tar(ovf, ...many), /15 disks \(0\.vmdk, .*9\.vmdk and 5 more\)/);
    await refuses(tar(ovf), /no disk in a format that is known/);
    const packed = tarEntry({ name: 'vm-disk1.vmdk.gz', text: gzipSync(VMDK) });
    await refuses(tar(ovf, packed), /virtual appliance \(OVA\) with a gzip file in it/);
  });

  it('is a tar with an .ovf: others are refused', async () => {
    await refuses(tar(vmdk), /tar archive without an \.ovf/);
    await refuses(tar(tarEntry({ name: 'disk.raw', text: DISK })), /without an \.ovf.*tar xf/);
  });

  it('that was cut off, or is damaged, is refused', async () => {
    const whole = tar(ovf, vmdk);
    const start = 2 * 512;
    const cuts = [512 + 4, start + 1, start + 511, start + 513, start + 4096, start + 512 + VMDK.length - 1];
    for (const at of cuts) await refuses(whole.subarray(0, at), /cut off|no disk/);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, start, start + 100);
    await refuses(damaged, /\(OVA\) that cannot be unpacked: it is damaged at byte 1024/);
  });
});

describe('a layer of a container image', () => {
  const isContainerLayer = true;
  const folderEntry = tarEntry({ name: 'disk/', type: '5' });

  it.each([
    ['disk/image.qcow2', (layer: Buffer) => layer],
    ['./disk/image', gzipSync],
    ['/disk/.hidden', (layer: Buffer) => execFileSync('zstd', ['-qc'], { input: layer })],
  ] as const)('gives the file %s', async (name, packed) => {
    const layer = tar(
      tarEntry({ name: 'etc/passwd', text: 'x' }),
      folderEntry,
      tarEntry({ name: 'disk/.wh.old', text: '' }),
      tarEntry({ name: 'disk/link', type: '2', target: '/etc/shadow' }),
      tarEntry({ name: 'disk/deeper/file', text: 'x' }),
      tarEntry({ name, text: DISK }),
    );
    expect((await unpackAll(packed(layer), { isContainerLayer })).equals(DISK)).toBe(true);
  });

  it('with no file in /disk, several, a packed one, or without a tar, is refused', async () => {
    await refuses(tar(folderEntry, vmdk), /no containerDisk.*has no file there/, { isContainerLayer });
    const two = [tarEntry({ name: 'disk/a', text: DISK }), tarEntry({ name: 'disk/b', text: DISK })];
    await refuses(tar(...two), /has 2 \(disk\/a, disk\/b\)/, { isContainerLayer });
    const packed = tarEntry({ name: 'disk/a', text: gzipSync(DISK) });
    await refuses(tar(packed), /a containerDisk with a gzip file in it/, { isContainerLayer });
    await refuses(DISK, /a containerDisk that cannot be unpacked/, { isContainerLayer });
    const cut = tar(tarEntry({ name: 'disk/a', text: DISK })).subarray(0, 4096);
    await refuses(cut, /cut off/, { isContainerLayer });
    await refuses(gzipSync(cut), /cut off/, { isContainerLayer });
  });
});
