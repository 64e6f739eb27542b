import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { locate } from '../../src/hostd/programs.ts';
import { aBootableDisk, aCd } from '../builders/disk-images.ts';
import { MisbehavingServer, serving } from '../integration/hostd/misbehaving-server.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless, itUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { buildUefiDisk } from './guest-vm.ts';
import { processesNaming } from './processes.ts';
import { noQemu, noUefiGuest } from './qemu/scene.ts';
import { apply, aTask, manifest, minimalSpec, removeTasks, untilServed } from './tasks.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const path = process.env.PATH ?? '';

describeUnless(noQemu, "a template's image", () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let minimal: Template['spec'];
  /** The minimal guest's disk. */
  let disk: string;
  const files = new Map<string, Buffer>();

  beforeAll(async () => {
    server = await MisbehavingServer.start();
    server.answer((request, response) => {
      const content = files.get(request.url ?? '');
      if (content === undefined) response.writeHead(404).end();
      else serving(content)(request, response);
    });
    coppice = await Coppice.create();
    await putInFront(join(coppice.dataDir, 'bin'));
    const [port] = await freePorts(1);
    await coppice.run('up', '--hosts', '1', '--api-port', `${port}`);
    minimal = await minimalSpec(coppice);
    disk = fileURLToPath(minimal.source.image?.url ?? '');
  });
  afterAll(async () => {
    process.env.PATH = path;
    await coppice?.close();
    await server?.close();
  });

  /** A qemu-img and a gzip that stop in the middle, if they should, and are the real ones else. */
  async function putInFront(folder: string): Promise<void> {
    await mkdir(folder);
    for (const program of ['qemu-img', 'gzip']) {
      const real = await locate(program, path);
      const stops = `[ -e "${stopping()}" ] && case $1 in convert | -dc) kill -STOP $$ ;; esac`;
      await writeFile(join(folder, program), `#!/bin/sh\n${stops}\nexec ${real} "$@"\n`, { mode: 0o755 });
    }
    process.env.PATH = `${folder}:${path}`;
  }

  /** While this file exists, conversions and unpackings stop. */
  const stopping = () => join(coppice.dataDir, 'stop-conversions');

  /** Declares a template that no host is done with, because the program that works on it stands still. */
  async function declareStopped(name: string, content = aBootableDisk(name, MIB)): Promise<void> {
    await writeFile(stopping(), '');
    await declare(name, content, { os: 'linux' });
    await coppice.eventually('it stands still', async () => {
      const [found] = await toolsAtWork();
      expect(await readFile(`/proc/${found?.pid}/status`, 'utf8')).toMatch(/^State:\tT/m);
    });
    await rm(stopping());
  }

  /** Declares a template of this image, which boots by the minimal guest's kernel unless `guest` says otherwise. */
  async function declare(name: string, content: Buffer, guest: object = minimal.guest): Promise<void> {
    files.set(`/${name}`, content);
    const image = {
      url: server.url(`/${name}`),
      sha256: createHash('sha256').update(content).digest('hex'),
    };
    const { container } = minimal;
    await apply(coppice, manifest('Template', name, { source: { image }, guest, container }));
  }

  const says = (name: string, status: 'True' | 'False', reason: string, message: RegExp) =>
    coppice.eventually(`template ${name} says ${reason}`, async () => {
      const found = await coppice.client.get(TEMPLATES, { name, namespace: 'default' });
      const ready = { status, reason, message: expect.stringMatching(message) };
      expect(findCondition(found.status?.conditions, 'Ready')).toMatchObject(ready);
    });

  /** The minimal guest's disk as another image. */
  async function converted(format: string): Promise<Buffer> {
    const copy = join(coppice.dataDir, `copy.${format}`);
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', format, disk, copy]);
    const content = await readFile(copy);
    await rm(copy);
    return content;
  }

  const toolsAtWork = async () =>
    (await processesNaming(coppice.dataDir)).filter(({ argv }) =>
      argv.some((argument) => /\/(qemu-img|gzip)$/.test(argument)),
    );

  /** As an appliance, which a tar with one VMDK is. */
  async function asOva(): Promise<Buffer> {
    const folder = join(coppice.dataDir, 'ova');
    await mkdir(folder);
    const options = ['-o', 'subformat=streamOptimized'];
    await run('qemu-img', [
      'convert',
      '-f',
      'qcow2',
      '-O',
      'vmdk',
      ...options,
      disk,
      join(folder, 'vm.vmdk'),
    ]);
    const digest = createHash('sha256')
      .update(await readFile(join(folder, 'vm.vmdk')))
      .digest('hex');
    await writeFile(join(folder, 'vm.ovf'), '<Envelope/>');
    await writeFile(join(folder, 'vm.mf'), `SHA256(vm.vmdk)= ${digest}\n`);
    await run('tar', [
      '-C',
      folder,
      '--format=ustar',
      '-cf',
      join(folder, 'ova'),
      'vm.ovf',
      'vm.mf',
      'vm.vmdk',
    ]);
    return await readFile(join(folder, 'ova'));
  }

  /** Packed by a program of that name. */
  const packed = (program: string, content: Buffer) =>
    execFileSync(program, ['-c'], { input: content, maxBuffer: 2 ** 30 });

  it('is judged before anybody uses it', async () => {
    await declare('unused', await readFile(disk));
    await says('unused', 'True', 'Available', /1 host\(s\) have its files/);
  });

  it('that nobody could start is refused, with what it is and what to do', async () => {
    const whole = await readFile(disk);
    const fifo = join(coppice.dataDir, 'fifo');
    await run('mkfifo', [fifo]);
    const descriptor = `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 16 FLAT "${fifo}" 0\n`;
    const encrypted = join(coppice.dataDir, 'encrypted');
    const key = ['--object', 'secret,id=key,data=abc', '-o', 'encrypt.format=luks,encrypt.key-secret=key'];
    // It measures first how fast the machine is, which now and then fails on a busy one.
    await coppice.eventually('an encrypted image is made', () =>
      run('qemu-img', ['create', '-q', '-f', 'qcow2', ...key, encrypted, '8M']),
    );
    const cases: readonly [name: string, content: Buffer, reason: string, message: RegExp][] = [
      ['half', whole.subarray(0, whole.length / 2), 'ImageInvalid', /damaged or was cut off/],
      ['tiny', Buffer.alloc(300, 7), 'ImageInvalid', /300 bytes/],
      ['page', Buffer.from('<!DOCTYPE html><html><body>Sign in</body></html>'), 'ImageInvalid', /web page/],
      ['packed-half', gzipSync(whole, { level: 1 }).subarray(0, MIB), 'ImageInvalid', /gzip file.*cut off/],
      ['packed-twice', gzipSync(gzipSync(whole, { level: 1 })), 'ImageInvalid', /gzip file with a gzip file/],
      ['encrypted', await readFile(encrypted), 'ImageEncrypted', /is encrypted/],
      ['descriptor', Buffer.from(descriptor), 'ImageInvalid', /VMDK descriptor.*not opened/],
      [
        'raw-half',
        (await converted('raw')).subarray(0, 32 * MIB),
        'ImageInvalid',
        /ext4 file system that reaches/,
      ],
    ];
    for (const [name, content] of cases) await declare(name, content);
    for (const [name, , reason, message] of cases) await says(name, 'False', reason, message);
    expect(await toolsAtWork()).toEqual([]);
  });

  it.each([
    ['raw-xz', async () => packed('xz', await converted('raw'))],
    ['ova', asOva],
  ] as const)('as %s makes VMs all the same', async (format, make) => {
    await declare(`as-${format}`, await make());
    await says(`as-${format}`, 'True', 'Available', /can be created/);
    await apply(coppice, aTask(`task-${format}`, { template: { name: `as-${format}` } }));
    await untilServed(coppice, `task-${format}`, 1, 'grown\n');
    await removeTasks(coppice, `task-${format}`);
  });

  itUnless(
    noUefiGuest,
    'that only UEFI boots makes VMs, and is refused where a BIOS is asked for',
    async () => {
      const repository = fileURLToPath(new URL('../..', import.meta.url));
      const uefi = await readFile(
        await buildUefiDisk(repository, join(repository, '.coppice/test-guest-uefi')),
      );
      await declare('uefi', uefi, { os: 'linux' });
      await declare('bios', uefi, { os: 'linux', firmware: 'bios' });
      await says('bios', 'False', 'OtherFirmware', /boot sector with code.*EFI system partition: make a new/);
      await says('uefi', 'True', 'Available', /can be created/);
      const disk = { data: { size: '16Mi' } };
      const resources = { cpu: '50m', memory: '192Mi' };
      await apply(coppice, aTask('task-uefi', { template: { name: 'uefi' }, disk, resources }));
      const [appliance] = await untilServed(coppice, 'task-uefi', 1, 'grown\n');
      const argv = appliance?.status?.vm?.commandLine ?? [];
      expect(argv).toContain('pc,pflash0=uefi-code,pflash1=uefi-variables');
      expect(argv.join(' ')).toContain('serial=coppice-data');
      await removeTasks(coppice, 'task-uefi');
    },
  );

  it('may have a CD beside it, which is judged as such, and is in the VMs', async () => {
    const cdOf = (name: string, content: Buffer) => {
      files.set(`/${name}`, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { ...minimal.guest, cd: { url: server.url(`/${name}`), sha256 } };
    };
    const content = await readFile(disk);
    await declare('with-cd', content, cdOf('tools.iso', aCd(200)));
    await declare('no-cd', content, cdOf('page.iso', Buffer.from('<!DOCTYPE html><html></html>')));
    await says('no-cd', 'False', 'CdInvalid', /is a web page \(HTML\), not a CD/);
    await says('with-cd', 'True', 'Available', /can be created/);
    const { status } = await coppice.client.get(TEMPLATES, { name: 'with-cd', namespace: 'default' });
    await apply(coppice, aTask('task-cd', { template: { name: 'with-cd' } }));
    const [appliance] = await untilServed(coppice, 'task-cd', 1, 'grown\n');
    const argv = appliance?.status?.vm?.commandLine ?? [];
    expect(argv).toContain('ide-cd,bus=ide.1,id=cd,drive=cd');
    expect(argv.join(' ')).toContain(`/${status?.layers?.cd}/`);
    await removeTasks(coppice, 'task-cd');
  });

  it('that is packed and pushed from here makes VMs all the same', async () => {
    const file = join(coppice.dataDir, 'Pushed.vdi.zst');
    await writeFile(file, packed('zstd', await converted('vdi')));
    // Its kernel cannot be said on the command line.
    const content = await readFile(file);
    const upload = { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
    const { guest, container } = minimal;
    await apply(coppice, manifest('Template', 'pushed', { source: { upload }, guest, container }));
    await says('pushed', 'False', 'NotUploaded', /coppice template push FILE --name pushed/);
    expect(await coppice.run('template', 'push', file)).toContain('Template default/pushed is Ready');
    await apply(coppice, aTask('task-pushed', { template: { name: 'pushed' } }));
    await untilServed(coppice, 'task-pushed', 1, 'grown\n');
    await removeTasks(coppice, 'task-pushed');
  });

  it('that is only a file system needs a kernel, and says so of template and appliance', async () => {
    await declare('kernelless', await readFile(disk), { os: 'linux' });
    await says('kernelless', 'False', 'NothingToBoot', /ext4 file system.*guest\.boot/);
    await apply(coppice, manifest('VirtualAppliance', 'kernelless', { template: { name: 'kernelless' } }));
    await coppice.eventually('the appliance says so', async () => {
      const found = await coppice.client.get(VIRTUAL_APPLIANCES, {
        name: 'kernelless',
        namespace: 'default',
      });
      expect(findCondition(found.status?.conditions, 'Ready')).toMatchObject({ reason: 'NothingToBoot' });
    });
    expect(await coppice.vms()).toEqual([]);
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'kernelless', namespace: 'default' });
  });

  it('is judged again after a daemon that was killed in the middle, whose qemu-img ends with it', async () => {
    await declareStopped('large');
    await coppice.kill('host-a');
    await coppice.eventually('it ends', async () => expect(await toolsAtWork()).toEqual([]));
    await coppice.run('up');
    await says('large', 'True', 'Available', /can be created/);
  });

  it('is unpacked again after a daemon that was killed in the middle, whose gzip ends with it', async () => {
    await declareStopped('unpacked', gzipSync(aBootableDisk('unpacked', MIB)));
    await coppice.kill('host-a');
    await coppice.eventually('it ends', async () => expect(await toolsAtWork()).toEqual([]));
    await coppice.run('up');
    await says('unpacked', 'True', 'Available', /can be created/);
  });

  it('does not keep a daemon from ending', async () => {
    await declareStopped('last');
    await coppice.run('down');
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
    await coppice.run('up');
    await says('last', 'True', 'Available', /can be created/);
  });
});
