import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { connectIn } from '../../src/hostd/drivers/common/socket.ts';
import { withQmp } from '../../src/hostd/drivers/qemu/qmp.ts';
import { killAndWait } from '../e2e/processes.ts';
import { compiledFolder, type Dom0Image, repository } from './image.ts';

/** Names below a machine's folder. */
export const machineFiles = {
  disk: 'disk.qcow2',
  monitor: 'qmp.sock',
  agent: 'agent.sock',
  console: 'console.log',
  log: 'qemu.log',
  share: 'share',
} as const;

export interface MachineSize {
  /** The whole machine: dom0, the VMs, and about 60 MiB for Xen itself. */
  readonly memoryMiB: number;
  readonly dom0MemoryMiB: number;
}

/** A TCP port of this machine that leads to a port of dom0 or of one of its VMs. */
export interface Forward {
  readonly address: string;
  readonly port: number;
  readonly hostPort: number;
}

/**
 * With smap dom0 dies at once. With the others, programs in PV guests die at random (10 of 300 starts); which of them matter is not
 * known.
 */
const cpu = 'max,-smap,-smep,-rdtscp,-avx,-avx2,-pku,la57=off,-umip,-fsgsbase,-xsave';

/**
 * dom0_max_vcpus: on two processors, multi-threaded programs die at random (Node in one of 30 starts; on one processor in none of 40),
 * and the VMs use the other processor. bootscrub: clearing all memory takes as long as the rest of the boot. mitigations: this machine
 * has nothing to protect.
 */
const xenArguments =
  'dom0_max_vcpus=1 console=com1 com1=115200,8n1 loglvl=info guest_loglvl=info spec-ctrl=no bootscrub=0';
const kernelArguments =
  'console=hvc0 net.ifnames=0 mitigations=off cryptomgr.notests audit=0 apparmor=0 quiet';

const qmpLimitMs = 60_000;

/**
 * Starts QEMU in `folder`, which has the disk. QEMU ends with this process, unless it is `detached`. The console output of dom0 and Xen
 * is appended to a file in the folder.
 */
export async function startMachine(
  image: Dom0Image,
  folder: string,
  size: MachineSize,
  forwards: readonly Forward[],
  detached: boolean,
): Promise<ChildProcess> {
  const log = await open(join(folder, machineFiles.log), 'w');
  const emulator = ['qemu-system-x86_64', ...qemuArguments(image, size, forwards)];
  const [program = '', ...args] = detached ? emulator : ['setpriv', '--pdeathsig', 'KILL', ...emulator];
  // The sockets' names are relative, because the address of a UNIX socket holds only 107 bytes.
  const child = spawn(program, args, { cwd: folder, detached, stdio: ['ignore', log.fd, log.fd] });
  await new Promise<void>((started, failed) => child.once('spawn', started).once('error', failed));
  await log.close();
  if (detached) child.unref();
  return child;
}

/** Cuts the machine's power, as QEMU's `kill` does: what dom0 has not written is lost. */
export async function endMachine(pid: number): Promise<void> {
  await killAndWait(pid);
}

/** Forwards one more port to a running machine. */
export async function addForward(folder: string, forward: Forward): Promise<void> {
  const connect = () => connectIn(systemClock, folder, machineFiles.monitor, qmpLimitMs);
  const answer = await withQmp(systemClock, connect, qmpLimitMs, (qmp) =>
    qmp.execute('human-monitor-command', { 'command-line': `hostfwd_add net0 ${rule(forward)}` }),
  );
  if (answer !== '') throw new Error(`QEMU does not forward ${rule(forward)}: ${String(answer).trim()}`);
}

/** The last lines of QEMU's log, which say why it ended, and of the console. */
export async function machineOutput(folder: string, lines = 30): Promise<string> {
  const files = [machineFiles.log, machineFiles.console];
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return texts.map((text) => text.trimEnd().split('\n').slice(-lines).join('\n')).join('\n');
}

function rule({ address, port, hostPort }: Forward): string {
  return `tcp:127.0.0.1:${hostPort}-${address}:${port}`;
}

function qemuArguments(image: Dom0Image, size: MachineSize, forwards: readonly Forward[]): string[] {
  const { memoryMiB, dom0MemoryMiB } = size;
  return [
    ...['-M', 'pc', '-accel', 'tcg,thread=multi', '-cpu', cpu, '-smp', '2', '-m', `${memoryMiB}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-chardev', `file,id=console,path=${machineFiles.console},append=on`, '-serial', 'chardev:console'],
    ...['-qmp', `unix:${machineFiles.monitor},server=on,wait=off`],
    // A power cut of the emulated machine loses nothing that QEMU has written to a file, so nothing needs to be flushed.
    ...['-drive', `file=${machineFiles.disk},if=none,id=disk,format=qcow2,cache=unsafe`],
    ...['-device', 'virtio-blk-pci,drive=disk'],
    ...['-netdev', `user,id=net0${forwards.map((forward) => `,hostfwd=${rule(forward)}`).join('')}`],
    ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=agent,path=${machineFiles.agent},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...sharedFolder('repository', repository, true),
    ...sharedFolder('modules', join(repository, 'node_modules'), true),
    ...sharedFolder('share', machineFiles.share, false),
    ...sharedFolder('compiled', compiledFolder(), false),
    ...['-kernel', image.xen, '-append', `${xenArguments} dom0_mem=${dom0MemoryMiB}M,max:${dom0MemoryMiB}M`],
    ...['-initrd', `${image.kernel} ${kernelArguments},${image.initrd}`],
  ];
}

function sharedFolder(tag: string, path: string, readonly: boolean): string[] {
  const mode = readonly ? ',readonly=on' : '';
  return [
    ...['-fsdev', `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none${mode}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}
