import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { VmSpec } from '../../src/hostd/drivers/vm.ts';
import {
  aDiskThatStarts,
  aKernelThatWrites,
  bootCodeThatWrites,
  GIVES_UP,
  makeBootableCd,
} from '../builders/disk-images.ts';
import { buildGuestImage, type GuestImage } from '../e2e/guest-vm.ts';
import { emptyIfMissing } from './bed.ts';
import { compressed, kernelForPc, kernelForPv, makeBootableDisk, makePcDisk } from './bootable.ts';
import { provideProgram } from './bundle.ts';
import { Dom0 } from './dom0.ts';
import type { DriverStep } from './driver-program.ts';
import { repository } from './image.ts';
import { machineFiles } from './machine.ts';

const run = promisify(execFile);

const FOLDER = '/root/guest';
const limitMs = 800_000;

/** Whether tests boot Linux in HVM guests: the firmware copies the kernel word by word, which takes up to a quarter of an hour. */
export const withLinuxInHvm = process.env.COPPICE_TEST_HVM === 'linux';
/** Whether tests boot a guest by each boot loader, or by one: each takes an emulated dom0 two minutes. */
export const withEachLoader = process.env.COPPICE_TEST_LOADERS === 'all';

/** Paths in dom0. */
export const guestFiles = {
  disk: `${FOLDER}/disk.qcow2`,
  kernel: `${FOLDER}/kernel`,
  /** Compressed, as boot loaders need it, and QEMU for HVM. */
  packedKernel: `${FOLDER}/kernel.packed`,
  initrd: `${FOLDER}/initrd`,
  /** The initrd for HVM guests, packed: each MiB that the firmware copies takes seconds. */
  packedInitrd: `${FOLDER}/initrd.gz`,
} as const;

/** A dom0 with the files of a guest, and the program that calls the driver there. */
export class DriverBed {
  readonly dom0: Dom0;
  readonly #image: GuestImage;
  readonly #program: readonly string[];
  readonly #systemDisks = new Set<string>();

  private constructor(dom0: Dom0, image: GuestImage, program: readonly string[]) {
    this.dom0 = dom0;
    this.#image = image;
    this.#program = program;
  }

  static async make(): Promise<DriverBed> {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    const dom0 = await Dom0.boot();
    const bed = new DriverBed(dom0, image, await provideProgram(dom0, 'test/xen/driver-program.ts'));
    await dom0.run(['/bin/mkdir', '-p', FOLDER]);
    await mkdir(dom0.folder, { recursive: true });
    for (const [to, from] of [
      [guestFiles.disk, image.disk],
      [guestFiles.kernel, image.kernel],
      [guestFiles.packedKernel, join(image.kernel, '../vmlinuz')],
      [guestFiles.initrd, image.initrd],
      [guestFiles.packedInitrd, await packed(image.initrd, dom0.folder)],
    ] as const) {
      await dom0.copyIn(from, to);
    }
    await bed.#startQemuOfDom0();
    return bed;
  }

  close(): Promise<void> {
    return this.dom0.close();
  }

  log(): Promise<string> {
    return readFile(join(this.dom0.folder, machineFiles.share, 'driver.log'), 'utf8').catch(emptyIfMissing);
  }

  aVm(change: Partial<VmSpec> = {}): VmSpec {
    const uuid = randomUUID();
    const directory = `/var/lib/coppice/appliances/${uuid}`;
    return {
      uuid,
      domain: `test.vm.${uuid.slice(0, 8)}`,
      directory,
      vcpus: 1,
      memoryBytes: 128 * 1024 * 1024,
      disk: { path: `${directory}/disk.qcow2`, format: 'qcow2' },
      boot: this.kernelAt(guestFiles.kernel),
      network: {
        mode: 'bridge',
        mac: `00:16:3e:${uuid.slice(0, 2)}:${uuid.slice(2, 4)}:${uuid.slice(4, 6)}`,
        bridge: 'br0',
      },
      ...change,
    };
  }

  kernelAt(kernel: string): VmSpec['boot'] {
    const initrd = kernel === guestFiles.packedKernel ? guestFiles.packedInitrd : guestFiles.initrd;
    return { kind: 'direct', kernel, initrd, commandLine: this.#commandLine() };
  }

  /** Boots a kernel of a few bytes that says that it was started. */
  async smallKernel(): Promise<VmSpec['boot']> {
    const [here, there] = [join(this.dom0.folder, 'small-kernel'), `${FOLDER}/small-kernel`];
    await writeFile(here, aKernelThatWrites('started from the kernel'));
    await this.dom0.copyIn(here, there);
    return { kind: 'direct', kernel: there, initrd: there, commandLine: 'quiet' };
  }

  /**
   * Makes a disk that a guest boots from, and returns its path: for Xen's PV GRUB and pygrub (`pv`), for GRUB as on a PC (`pc`), or
   * with GRUB installed for firmware (`firmware`).
   */
  async bootableDisk(kind: 'pv' | 'pc' | 'firmware'): Promise<string> {
    const target = `${FOLDER}/bootable-${kind}.qcow2`;
    const raw = kind === 'firmware' ? join(this.dom0.folder, 'firmware.raw') : await this.#systemDisk(kind);
    if (kind === 'firmware') await makePcDisk(this.dom0, await this.#systemDisk('pc'), raw);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, `${raw}.qcow2`]);
    await this.dom0.copyIn(`${raw}.qcow2`, target);
    return target;
  }

  /** A disk whose boot code gives up, and a CD that says that it was started; both in dom0. */
  async bootableCd(): Promise<{ readonly disk: string; readonly cd: string }> {
    const { folder } = this.dom0;
    const [raw, iso] = [join(folder, 'gives-up.raw'), join(folder, 'boot.iso')];
    await writeFile(raw, aDiskThatStarts(GIVES_UP));
    await makeBootableCd(bootCodeThatWrites('started from the CD'), join(folder, 'cd'), iso);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, `${raw}.qcow2`]);
    const [disk, cd] = [`${FOLDER}/gives-up.qcow2`, `${FOLDER}/boot.iso`];
    await this.dom0.copyIn(`${raw}.qcow2`, disk);
    await this.dom0.copyIn(iso, cd);
    return { disk, cd };
  }

  /** Runs the steps in one process in dom0. Resolves with the result of each. */
  results(vm: VmSpec, ...steps: readonly DriverStep[]): Promise<readonly unknown[]> {
    return this.resultsOn(guestFiles.disk, vm, ...steps);
  }

  async resultsOn(base: string, vm: VmSpec, ...steps: readonly DriverStep[]): Promise<readonly unknown[]> {
    const argv = [...this.#program, JSON.stringify(steps), JSON.stringify(vm), base];
    return JSON.parse(await this.dom0.run(argv, limitMs)) as readonly unknown[];
  }

  /** Delays the network card's script beyond libxl's time-out, the first time it runs for this VM. */
  async whileSlow<T>(vm: VmSpec, work: () => Promise<T>): Promise<T> {
    const script = '/etc/xen/scripts/vif-bridge';
    const flag = `/run/slow-${vm.uuid}`;
    const slow = `#!/bin/bash
if [ "$1" = online ] && [ ! -e ${flag} ] && [ "$(xenstore-read "$XENBUS_PATH/mac")" = ${vm.network.mac} ]; then
  touch ${flag}; sleep 60
fi
exec ${script}.real "$@"
`;
    const write = `cp -p ${script} ${script}.real && printf %s "$1" > ${script}.new && chmod 755 ${script}.new && mv ${script}.new ${script}`;
    await this.dom0.run(['/bin/bash', '-c', write, '-', slow]);
    return work().finally(() => this.dom0.run(['/bin/mv', `${script}.real`, script]));
  }

  /** Starts dom0's QEMU as Debian's init script for Xen does: it attaches the disks that pygrub reads. */
  async #startQemuOfDom0(): Promise<void> {
    const none = ['monitor', 'serial', 'parallel'].flatMap((each) => [`-${each}`, 'none']);
    const dom0 = ['-xen-domid', '0', '-xen-attach', '-name', 'dom0', '-nographic', '-M', 'xenpv'];
    await this.dom0.run(['/usr/libexec/xen-qemu-system-i386', ...dom0, '-daemonize', ...none]);
  }

  /** On this machine; made once. */
  async #systemDisk(kind: 'pv' | 'pc'): Promise<string> {
    const target = join(this.dom0.folder, `${kind}.raw`);
    if (this.#systemDisks.has(target)) return target;
    const kernel = await (kind === 'pv' ? kernelForPv : kernelForPc)(this.#image);
    await makeBootableDisk(this.#image, { kernel, commandLine: this.#commandLine() }, target);
    this.#systemDisks.add(target);
    return target;
  }

  /** HVM guests of Xen have interrupt lines as ACPI says: without those only PV and PVH are known to boot. */
  #commandLine(): string {
    return `${this.#image.kernelArguments.replace(' acpi=noirq', '')} coppice.ip=none`;
  }
}

/** Makes a packed copy of the file in the folder; resolves with its path. */
async function packed(file: string, folder: string): Promise<string> {
  const target = join(folder, `${basename(file)}.gz`);
  await writeFile(target, await compressed(await readFile(file), { level: 9 }));
  return target;
}

/** The steps from a VM's start to its orderly end, and their results. */
export const life = [
  'overlay',
  'start',
  'ping',
  'writeDisk',
  'shutdown',
  'inspect',
  'destroy',
  'domains',
] as const;
export const lived = [
  ...[null, null, 'answered', 'kept\n', true],
  expect.objectContaining({ state: 'Stopped' }),
  ...[null, []],
];
