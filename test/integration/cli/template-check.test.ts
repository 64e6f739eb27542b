import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { locate } from '../../../src/hostd/programs.ts';
import { aBootableDisk, aCd, anExt4Disk } from '../../builders/disk-images.ts';
import { describeUnless } from '../../skip.ts';
import { runCli } from './run.ts';

const MIB = 1024 * 1024;
const SEARCH = `${process.env.PATH}:/usr/sbin:/sbin`;
const run = (program: string, ...argv: readonly string[]) =>
  promisify(execFile)(program, argv, { env: { PATH: SEARCH } });
const needed = ['qemu-img', 'mke2fs', 'debugfs', 'sfdisk', 'prlimit'];
const missing = (
  await Promise.all(needed.map(async (name) => ((await locate(name, SEARCH)) === undefined ? [name] : [])))
).flat();
const obstacle = missing.length === 0 ? undefined : `missing programs: ${missing.join(', ')}`;

describeUnless(obstacle, 'coppice template check', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-check-'));
    await mkdir(at('tmp'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const at = (name: string) => join(folder, name);
  const check = async (...args: readonly string[]) => {
    const { TMPDIR } = process.env;
    process.env.TMPDIR = at('tmp');
    try {
      return await runCli(at('no-kubeconfig'), 'template', 'check', ...args);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
  };

  /** A raw file with an ext4 file system that has these files. */
  async function fileSystem(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const root = at(`${name}.root`);
    await mkdir(root);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), content);
    }
    await run('mke2fs', '-q', '-t', 'ext4', '-d', root, at(name), '8M');
    return at(name);
  }

  /** A qcow2 image with a GPT, boot code, an EFI system partition, and the file system in its second partition. */
  async function cloudImage(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const [raw, root] = [at(`${name}.raw`), await fileSystem(`${name}.fs`, files)];
    await writeFile(raw, aBootableDisk(name));
    await truncate(raw, 12 * MIB);
    await writeFile(
      at('table'),
      'label: gpt\nstart=2048,size=2048,type=uefi\nstart=4096,size=16384,type=linux\n',
    );
    await run('/bin/sh', '-c', 'sfdisk --quiet "$1" <"$2"', 'sh', raw, at('table'));
    const disk = await open(raw, 'r+');
    await disk.write(await readFile(root), 0, undefined, 2 * MIB);
    await disk.close();
    await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, at(name));
    return at(name);
  }

  const debian = {
    'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    'usr/bin/cloud-init': '',
  };

  it('says what is in an image, what boots it, and what it lacks, and leaves nothing behind', async () => {
    const file = await cloudImage('debian.qcow2', debian);
    const before = await stat(file);
    const { code, stdout, stderr } = await check(file, '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      file,
      usable: true,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      disk: {
        format: 'qcow2',
        virtualBytes: 12 * MIB,
        partitionTable: 'GPT',
        volumes: [
          { number: 1, type: 'EFI system', startBytes: MIB, bytes: MIB },
          {
            number: 2,
            type: 'Linux',
            startBytes: 2 * MIB,
            bytes: 8 * MIB,
            fileSystem: 'an ext4 file system',
          },
        ],
        firmware: ['bios', 'uefi'],
        system: {
          name: 'Debian GNU/Linux 12 (bookworm)',
          id: 'debian',
          version: '12',
          cloudInit: '/usr/bin/cloud-init',
        },
      },
      notes: [{ level: 'warning', reason: 'NoAgent' }],
    });
    const text = (await check(file)).stdout;
    expect(text).toMatch(/^System: +Debian GNU\/Linux 12 \(bookworm\)$/m);
    expect(text).toMatch(/^ {2}2 +Linux +2097152 +8Mi +an ext4 file system$/m);
    expect(text).toMatch(/^It can be used/m);
    expect(await readdir(at('tmp'))).toEqual([]);
    expect(await stat(file)).toMatchObject({ mtimeMs: before.mtimeMs, size: before.size });
  });

  it('looks into a raw file that is one file system, whatever its name has in it', async () => {
    const file = at('strange ?offset=1,format=raw name');
    await run('mv', await fileSystem('plain', { 'usr/sbin/qemu-ga': '' }), file);
    const { code, stdout } = await check(file, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      disk: { format: 'raw', firmware: [], system: { agent: '/usr/sbin/qemu-ga' } },
      notes: [{ level: 'warning', reason: 'NothingToBoot' }],
    });
  });

  it('ends with 1 for what cannot be used, with the sentence that a host would say', async () => {
    await writeFile(at('page'), '<!DOCTYPE html><html><body>Sign in</body></html>');
    await run(
      'qemu-img',
      'create',
      '-q',
      '-u',
      '-f',
      'qcow2',
      '-F',
      'raw',
      '-b',
      '/etc/passwd',
      at('unsafe'),
      '8M',
    );
    const cases = [
      [at('page'), /^ {2}error ImageInvalid: \S+ is a web page .*give the address of the file itself$/m],
      [at('unsafe'), /^ {2}error ImageUnsafe: \S+ refers to other files \(\/etc\/passwd\)/m],
      [
        await cloudImage('bare.qcow2', { 'etc/os-release': 'NAME=Bare\n' }),
        /^ {2}error NoAgent: .*virt-customize/m,
      ],
    ] as const;
    for (const [file, says] of cases) {
      const { code, stdout, stderr } = await check(file);
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(stdout).toMatch(says);
      expect(stdout).toMatch(/^It cannot be used as it is\.$/m);
    }
    for (const [file, says] of [
      [at('nowhere'), 'nowhere does not exist'],
      [folder, 'is no file'],
    ] as const) {
      const { code, stderr } = await check(file);
      expect(code).toBe(1);
      expect(stderr).toContain(says);
    }
  });

  it('names a CD, and where to give it', async () => {
    await writeFile(at('tools.iso'), aCd(20));
    const { code, stdout } = await check(at('tools.iso'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Format: +a CD with ISO 9660$/m);
    expect(stdout).toMatch(/^ {2}warning IsCd: .*not of a disk: name it in guest\.cd of a Template/m);
    expect(stdout).toMatch(/^It can be used as a CD: .* in guest\.cd of a Template\.$/m);
    await writeFile(at('cut.iso'), aCd(20).subarray(0, 18 * 2048));
    const cut = await check(at('cut.iso'));
    expect(cut.code).toBe(1);
    expect(cut.stdout).toMatch(/^ {2}error CdInvalid: \S+ is damaged or was cut off/m);
  });

  it('says why it could not look into a file system', async () => {
    const broken = at('broken');
    await writeFile(broken, anExt4Disk(8 * MIB));
    const { code, stdout } = await check(broken);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}warning NotLookedInto: .*its file system cannot be looked into: \S+/m);
    expect(await readdir(at('tmp'))).toEqual([]);
  });
});
