import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { JsonSocket } from './json-socket.ts';

const run = promisify(execFile);

const emulator = 'qemu-system-x86_64';

/** Ten times what a loaded machine without hardware virtualisation needs. */
const bootDeadlineMs = 300_000;

/** The files that `scripts/guest/build-minimal.sh` makes. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
  readonly kernelArguments: string;
}

/**
 * Builds the minimal guest into `folder`, or finds it there.
 * @param options of the builder, such as `--uefi`
 */
export async function buildGuestImage(
  repository: string,
  folder: string,
  ...options: readonly string[]
): Promise<GuestImage> {
  const script = join(repository, 'scripts/guest/build-minimal.sh');
  const { stdout } = await run(script, ['--quiet', ...options, folder]);
  const build = stdout.trim();
  const manifest = JSON.parse(await readFile(join(build, 'manifest.json'), 'utf8')) as {
    readonly kernelArguments: string;
  };
  return {
    kernel: join(build, 'vmlinux'),
    initrd: join(build, 'initrd.img'),
    disk: join(build, 'disk.qcow2'),
    kernelArguments: manifest.kernelArguments,
  };
}

/** The guest on a disk that UEFI boots by itself; built into `folder`, or found there. */
export async function buildUefiDisk(repository: string, folder: string): Promise<string> {
  const script = join(repository, 'scripts/guest/build-minimal.sh');
  const { stdout } = await run(script, ['--quiet', '--uefi', folder]);
  return join(stdout.trim(), 'uefi.qcow2');
}

/** One running virtual machine with its agent; its disk is an overlay that outlives it. */
export interface GuestVm {
  readonly agent: JsonSocket;
  /** Where the guest's port 80 answers on this machine. */
  readonly url: string;
  console(): Promise<string>;
  /** Presses the power button. */
  pressPower(): Promise<void>;
  /** Resolves when QEMU has ended, to its exit code. */
  ended(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Makes a copy-on-write disk on the image's. */
export async function createOverlay(image: GuestImage, overlay: string): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image.disk, '-F', 'qcow2', overlay]);
}

/** Starts a VM on `overlay` with `memoryMiB`, its sockets in `folder`; resolves when the agent answers. */
export async function bootGuest(
  image: GuestImage,
  folder: string,
  overlay: string,
  memoryMiB: number,
): Promise<GuestVm> {
  const process = spawn(emulator, qemuArguments(image, folder, overlay, memoryMiB), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = once(process, 'exit').then(([code]) => code as number | null);
  try {
    const monitor = await untilConnected(join(folder, 'qmp.sock'), process);
    await monitor.call('qmp_capabilities');
    const agent = await untilConnected(join(folder, 'agent.sock'), process);
    // Sent before the guest has opened its port: answered as soon as it has.
    await Promise.race([agent.call('guest-sync', { id: memoryMiB }), expiry(bootDeadlineMs)]);
    return {
      agent,
      url: `http://127.0.0.1:${await forwardedPort(monitor)}/`,
      console: () => readFile(join(folder, 'console.log'), 'utf8'),
      pressPower: async () => {
        await monitor.call('system_powerdown');
      },
      ended: () => exit,
      kill: async () => {
        process.kill('SIGKILL');
        await exit;
      },
    };
  } catch (error) {
    process.kill('SIGKILL');
    await exit;
    throw error;
  }
}

async function expiry(milliseconds: number): Promise<never> {
  await delay(milliseconds, undefined, { ref: false });
  throw new Error(`the guest's agent has not answered within ${milliseconds / 1000} s`);
}

function qemuArguments(image: GuestImage, folder: string, overlay: string, memoryMiB: number): string[] {
  return [
    ...['-M', 'pc', '-accel', 'tcg,tb-size=32', '-cpu', 'max,la57=off', '-m', String(memoryMiB)],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', image.kernelArguments],
    ...['-serial', `file:${join(folder, 'console.log')}`],
    ...['-drive', `file=${overlay},if=virtio,format=qcow2`],
    ...[
      '-netdev',
      'user,id=net0,hostfwd=tcp:127.0.0.1:0-:80',
      '-device',
      'virtio-net-pci,netdev=net0,romfile=',
    ],
    ...[
      '-device',
      'virtio-serial',
      '-chardev',
      `socket,id=agent,path=${join(folder, 'agent.sock')},server=on,wait=off`,
    ],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...['-qmp', `unix:${join(folder, 'qmp.sock')},server=on,wait=off`],
  ];
}

async function untilConnected(path: string, qemu: ChildProcess): Promise<JsonSocket> {
  for (;;) {
    if (qemu.exitCode !== null) throw new Error(`QEMU ended with code ${qemu.exitCode}`);
    try {
      return await JsonSocket.connect(path);
    } catch {
      await delay(20); // QEMU has not made its socket yet
    }
  }
}

/** The port that QEMU chose on this machine: the fourth column of its table of forwardings. */
async function forwardedPort(monitor: JsonSocket): Promise<number> {
  const table = await monitor.call('human-monitor-command', { 'command-line': 'info usernet' });
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)/.exec(String(table))?.[1];
  if (port === undefined) throw new Error(`no forwarded port in: ${String(table)}`);
  return Number(port);
}
