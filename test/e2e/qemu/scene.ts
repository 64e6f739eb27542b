import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { systemClock } from '../../../src/base/clock.ts';
import type { Driver } from '../../../src/hostd/drivers/driver.ts';
import { createQemuDriver, type QemuDriverConfig } from '../../../src/hostd/drivers/qemu/driver.ts';
import { hasUefi, UEFI_DIRECTORY } from '../../../src/hostd/drivers/qemu/uefi.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { locate } from '../../../src/hostd/programs.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';

const repository = resolve(import.meta.dirname, '../../..');

/** An emulated guest boots in 4 s on an idle machine, and in minutes on one that is busy with others. */
const bootLimitMs = 300_000;

/** Why the tests with QEMU are skipped; undefined where they run. */
export const noQemu =
  (await locate('qemu-system-x86_64', process.env.PATH ?? '')) === undefined
    ? 'no qemu-system-x86_64 in the PATH: `sh scripts/bootstrap.sh deps test` installs it on Debian'
    : undefined;

/** Why the tests with a guest that boots by UEFI are skipped; undefined where they run. */
export const noUefiGuest =
  noQemu ??
  ((await hasUefi(UEFI_DIRECTORY)) && (await locate('mcopy', process.env.PATH ?? '')) !== undefined
    ? undefined
    : `no UEFI in ${UEFI_DIRECTORY}, or no mcopy: \`sh scripts/bootstrap.sh deps test\` installs them on Debian`);

const mebibyte = 1024 * 1024;

type VmChange = Partial<VmSpec> & {
  /** Below which folder it is, in place of the scene's. */
  readonly parent?: string;
  readonly diskBytes?: number;
  /** What its disk is an overlay on, in place of the guest's image. */
  readonly layer?: string;
};

/** A driver of its own in a folder of its own, with VMs that are ended with it whatever the test did. */
export class Scene {
  readonly root: string;
  readonly driver: Driver;
  readonly #image: GuestImage;
  readonly #vms: VmSpec[] = [];

  private constructor(root: string, image: GuestImage, config: Partial<QemuDriverConfig>) {
    this.root = root;
    this.#image = image;
    this.driver = createDriver(root, config);
  }

  static async create(config: Partial<QemuDriverConfig> = {}): Promise<Scene> {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    return new Scene(await mkdtemp(join(tmpdir(), 'coppice-qemu-')), image, config);
  }

  /** A VM with its own overlay, not yet started. */
  async vm(change: VmChange = {}) {
    const { parent = this.root, diskBytes = 256 * mebibyte, layer = this.#image.disk, ...rest } = change;
    const uuid = randomUUID();
    const directory = join(parent, uuid);
    await mkdir(directory, { recursive: true });
    const path = join(directory, 'disk.qcow2');
    await this.driver.images.createOverlay(layer, path, diskBytes);
    const vm: VmSpec = {
      uuid,
      domain: `test.vm.${uuid.slice(0, 8)}`,
      directory,
      vcpus: 1,
      memoryBytes: 128 * mebibyte,
      disk: { path, format: 'qcow2' },
      boot: {
        kind: 'direct',
        kernel: this.#image.kernel,
        initrd: this.#image.initrd,
        commandLine: this.#image.kernelArguments,
      },
      network: {
        mode: 'user',
        mac: `52:54:00:${uuid.slice(0, 2)}:${uuid.slice(2, 4)}:${uuid.slice(4, 6)}`,
        forwards: [{ address: '127.0.0.1', hostPort: await freePort(), guestPort: 80 }],
      },
      ...rest,
    };
    this.#vms.push(vm);
    return vm;
  }

  /** A VM that runs, and whose agent has answered. */
  async running(change: VmChange = {}) {
    const vm = await this.vm(change);
    await this.driver.start(vm);
    const guest = this.driver.guest(vm.uuid, vm.directory);
    await guest.ping(bootLimitMs);
    return { vm, guest };
  }

  async state(vm: VmSpec) {
    return (await this.driver.inspect(vm.uuid, vm.directory))?.state;
  }

  /** Ends all VMs; their files stay. */
  async end(): Promise<void> {
    await Promise.all(this.#vms.map((vm) => this.driver.destroy(vm.uuid, vm.directory)));
  }

  async close(): Promise<void> {
    await this.end();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** As the daemon would make it, with its state below `root`. */
export function createDriver(root: string, config: Partial<QemuDriverConfig> = {}): Driver {
  return createQemuDriver({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    stateDirectory: join(root, 'driver'),
    searchPath: process.env.PATH ?? '',
    ...config,
  });
}

/** Resolves when `holds` does; rejects, saying what was awaited, after `limitMs`. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  limitMs = bootLimitMs,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs} ms`);
    await delay(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
