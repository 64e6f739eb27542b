import { tapNameOf } from '../common/tap.ts';
import type { VmDisk, VmNetwork, VmSpec } from '../vm.ts';
import { vmFiles } from './files.ts';

/** How this host's QEMU runs VMs, as trial guests showed. */
export type Machine = { readonly accelerator: 'kvm' | 'tcg'; readonly sandbox: boolean };

/** The machine whose devices VMs have; what QEMU means by it moves with QEMU's version. */
export const MACHINE_TYPE = 'pc';

/** What QEMU itself calls the memory of this machine: so it is in the state of VMs that were started without a name for it, too. */
export const MEMORY = 'pc.ram';

/** Forbids QEMU all that it does not need to run a VM: starting programs, gaining privileges, scheduling other processes. */
export const sandboxArguments = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
] as const;

const mebibyte = 1024 * 1024;

/** What of the host a VM needs besides its own folder. */
export type Surroundings = {
  /** The bridge's, for a VM on a bridge. */
  readonly mtu?: number | undefined;
  /** Path of UEFI's code, for a VM that boots by it. */
  readonly uefiCode?: string | undefined;
  /** QEMU's own name for this version of the machine, for VMs whose devices' state is saved. */
  readonly machineType?: string | undefined;
  /** For a VM that continues from a checkpoint. */
  readonly restored?: RestoredMemory | undefined;
  /** The VM goes on with the memory that was saved when it was suspended. */
  readonly suspended?: boolean | undefined;
};

export type RestoredMemory = {
  /** Path of the file that holds the guest's memory; the VM's own writes do not reach it. */
  readonly file: string;
  /** Whether QEMU can map it without being able to write it. */
  readonly canBeReadOnly: boolean;
};

/**
 * QEMU's arguments for a VM. QEMU must run in the VM's folder: sockets and logs have names relative to it, so that a long
 * path does not exceed the address of a UNIX socket.
 */
export function qemuArguments(vm: VmSpec, machine: Machine, surroundings: Surroundings = {}): string[] {
  const { mtu, restored, suspended } = surroundings;
  return [
    ...['-name', `guest=${vm.domain},debug-threads=on`],
    ...['-uuid', vm.uuid],
    ...['-no-user-config', '-nodefaults', '-display', 'none'],
    ...(machine.sandbox ? sandboxArguments : []),
    ...machineArguments(vm, machine, surroundings),
    ...memoryArguments(vm, restored),
    ...['-pidfile', vmFiles.pid],
    ...monitorArguments(),
    ...consoleArguments(),
    ...agentArguments(),
    ...diskArguments(vm),
    ...cdArguments(vm),
    ...networkArguments(vm, mtu),
    // Without this device a guest waits long for entropy at its first boot.
    ...['-device', 'virtio-rng-pci'],
    ...seedArguments(vm),
    ...bootArguments(vm),
    // Without -S the VM would run as soon as its state is loaded, with its link up.
    ...(restored === undefined && suspended !== true ? [] : ['-incoming', 'defer', '-S']),
  ];
}

/** Processor model per accelerator. Without la57, because five-level paging makes emulated boots slower. */
export function acceleratorArguments(accelerator: Machine['accelerator'], memoryMiB: number): string[] {
  return accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', `tcg,tb-size=${translationCacheMiB(memoryMiB)}`, '-cpu', 'max,la57=off'];
}

/**
 * Room for translated code, in MiB. A service in a small guest needs 32 MiB; what a distribution runs at its boot does not fit there:
 * QEMU then throws all of it away, again and again, and a boot takes three times as long. QEMU's own choice is an eighth of the host.
 */
function translationCacheMiB(memoryMiB: number): number {
  return Math.min(256, Math.max(32, Math.floor(memoryMiB / 4)));
}

function machineArguments(
  vm: VmSpec,
  machine: Machine,
  { uefiCode, restored, machineType = MACHINE_TYPE }: Surroundings,
): string[] {
  const options = [
    hasNamedMemory(vm, restored) ? machineType : MACHINE_TYPE,
    ...(uefiCode === undefined ? [] : ['pflash0=uefi-code', `pflash1=${VARIABLES_NODE}`]),
    ...(hasNamedMemory(vm, restored) ? [`memory-backend=${MEMORY}`] : []),
  ];
  return [
    ...(uefiCode === undefined ? [] : uefiArguments(uefiCode)),
    ...['-M', options.join(',')],
    ...acceleratorArguments(machine.accelerator, mebibytesOf(vm)),
    ...['-m', `size=${mebibytesOf(vm)}M`],
    ...['-smp', `cpus=${vm.vcpus}`],
    // A guest that panicked is paused, so that the driver can distinguish it from one that was shut down.
    ...['-device', 'pvpanic', '-action', 'panic=pause'],
  ];
}

function mebibytesOf({ memoryBytes }: VmSpec): number {
  return Math.ceil(memoryBytes / mebibyte);
}

function hasNamedMemory({ capturable }: VmSpec, restored: RestoredMemory | undefined): boolean {
  return capturable === true || restored !== undefined;
}

/**
 * Memory that can be saved is in a file without a name, which this daemon reads through /proc. That of a restored VM is the
 * checkpoint's file, mapped so that it is read where it is needed and copied where the guest writes.
 */
function memoryArguments(vm: VmSpec, restored: RestoredMemory | undefined): string[] {
  if (!hasNamedMemory(vm, restored)) return [];
  const own = { id: MEMORY, size: mebibytesOf(vm) * mebibyte, share: restored === undefined };
  const readOnly = restored?.canBeReadOnly === true ? { readonly: true, rom: 'off' } : {};
  const kind =
    restored === undefined
      ? { 'qom-type': 'memory-backend-memfd' }
      : { 'qom-type': 'memory-backend-file', 'mem-path': restored.file, ...readOnly };
  return ['-object', JSON.stringify({ ...kind, ...own })];
}

/** QEMU's name of what the firmware remembers of the VM. */
export const VARIABLES_NODE = 'uefi-variables';

/** The code, which all VMs share and none can change, and the VM's own variables. */
function uefiArguments(code: string): string[] {
  const file = { driver: 'file', 'node-name': 'uefi-code', filename: code, 'read-only': true };
  const variables = { driver: 'file', 'node-name': VARIABLES_NODE, filename: vmFiles.variables };
  return [...['-blockdev', JSON.stringify(file)], ...['-blockdev', JSON.stringify(variables)]];
}

function monitorArguments(): string[] {
  return [
    ...['-chardev', `socket,id=monitor,path=${vmFiles.monitor},server=on,wait=off`],
    ...['-mon', 'chardev=monitor,mode=control'],
  ];
}

function consoleArguments(): string[] {
  // The log gets all output, whether or not somebody is connected.
  const log = `logfile=${vmFiles.console},logappend=on`;
  return [
    ...['-chardev', `socket,id=console,path=${vmFiles.consoleSocket},server=on,wait=off,${log}`],
    ...['-serial', 'chardev:console'],
  ];
}

function agentArguments(): string[] {
  return [
    ...['-chardev', `socket,id=agent,path=${vmFiles.agent},server=on,wait=off`],
    ...['-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
  ];
}

/** QEMU's names of the VM's disks. */
export const DISK_NODES = { disk: 'disk', dataDisk: 'data' } as const;

/** By this the guest finds its second disk, whatever the disk is called: /dev/disk/by-id/virtio-coppice-data, and the like. */
const DATA_SERIAL = 'coppice-data';

/** A disk that the firmware boots comes first, whatever is on the other one. */
function diskArguments({ disk, dataDisk, diskBus = 'virtio', boot }: VmSpec): string[] {
  const order = boot.kind === 'firmware' ? ',bootindex=0' : '';
  return [
    ...(diskBus === 'scsi' ? ['-device', 'virtio-scsi-pci,id=scsi'] : []),
    ...diskDevice(DISK_NODES.disk, disk, `${DISK_DEVICES[diskBus]}${order}`),
    ...(dataDisk === undefined
      ? []
      : diskDevice(DISK_NODES.dataDisk, dataDisk, `${DISK_DEVICES[diskBus]},serial=${DATA_SERIAL}`)),
  ];
}

const DISK_DEVICES = { virtio: 'virtio-blk-pci', scsi: 'scsi-hd,bus=scsi.0' } as const;

/**
 * A disk goes through the host's page cache, which all VMs on one template share. Blocks that the guest discards or fills
 * with zeroes take no space. An error of the host's disk (a full disk, say) pauses the VM. It does not reach the guest, whose file
 * system would become read-only; so the VM continues where it was once the host's disk works again.
 */
function diskDevice(id: string, { path, format, layers }: VmDisk, device: string): string[] {
  const node = {
    driver: format,
    'node-name': id,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', filename: path, discard: 'unmap' },
    ...(layers === undefined ? {} : { backing: backingOf(layers) }),
  };
  return [
    ...['-blockdev', JSON.stringify(node)],
    ...['-device', `${device},id=${id},drive=${id},werror=stop,rerror=stop`],
  ];
}

/** What a disk stands on, by the files themselves: no file is opened because another one's header names it. */
function backingOf([nearest, ...below]: readonly string[]): object | null {
  if (nearest === undefined) return null;
  const file = { driver: 'file', filename: nearest };
  return { driver: 'qcow2', 'read-only': true, file, backing: backingOf(below) };
}

const CD_DRIVES = { virtio: 'ide-cd,bus=ide.1', scsi: 'scsi-cd,bus=scsi.0' } as const;

/**
 * The drive is where guests look for one, and firmware: at the PC's own controller, which takes no place on the bus; or beside the disks,
 * for guests without a driver of that. The firmware starts from it what it does not find on the disk.
 */
function cdArguments({ cd, diskBus = 'virtio', boot }: VmSpec): string[] {
  if (cd === undefined) return [];
  const order = boot.kind === 'firmware' ? ',bootindex=1' : '';
  const node = {
    driver: 'raw',
    'node-name': 'cd',
    'read-only': true,
    file: { driver: 'file', filename: cd },
  };
  return [
    ...['-blockdev', JSON.stringify(node)],
    ...['-device', `${CD_DRIVES[diskBus]},id=cd,drive=cd${order}`],
  ];
}

/** Behind all other devices, whose places on the bus stay. */
function seedArguments({ seed }: VmSpec): string[] {
  if (seed === undefined) return [];
  const file = { driver: 'file', filename: seed };
  const node = { driver: 'raw', 'node-name': 'seed', 'read-only': true, file };
  return ['-blockdev', JSON.stringify(node), '-device', 'virtio-blk-pci,id=seed,drive=seed'];
}

function networkArguments({ uuid, network }: VmSpec, mtu: number | undefined): string[] {
  // The bridge would silently drop longer frames than its own.
  const limit = mtu === undefined ? '' : `,host_mtu=${mtu}`;
  return [
    ...['-netdev', backendOf(uuid, network)],
    // Without the option ROM, which tries to boot from the network and comes in a package of its own.
    ...['-device', `virtio-net-pci,netdev=net,mac=${network.mac},romfile=${limit}`],
  ];
}

function backendOf(uuid: string, network: VmNetwork): string {
  // The driver creates and removes the interface; QEMU only opens it by name, at each start.
  if (network.mode === 'bridge') return `tap,id=net,ifname=${tapNameOf(uuid)},script=no,downscript=no`;
  const forwards = network.forwards.map(
    ({ address, hostPort, guestPort }) => `hostfwd=tcp:${address}:${hostPort}-:${guestPort}`,
  );
  return ['user', 'id=net', 'ipv6=off', ...forwards].join(',');
}

function bootArguments({ boot }: VmSpec): string[] {
  if (boot.kind === 'firmware') return [];
  return [
    ...['-kernel', boot.kernel],
    ...(boot.initrd === undefined ? [] : ['-initrd', boot.initrd]),
    ...['-append', boot.commandLine],
  ];
}
