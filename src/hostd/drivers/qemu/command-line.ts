import { tapNameOf } from '../common/tap.ts';
import type { VmNetwork, VmSpec } from '../driver.ts';
import { vmFiles } from './files.ts';

/** How this host's QEMU runs VMs, as detected. */
export type Machine = { readonly accelerator: 'kvm' | 'tcg'; readonly sandbox: boolean };

/** All that QEMU can be forbidden and still run a VM: new programs, privileges, other processes' scheduling. */
export const sandboxArguments = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
] as const;

const mebibyte = 1024 * 1024;

/**
 * QEMU's arguments for a VM. QEMU must run in the VM's folder: sockets and logs are named relative to it, so that
 * no length of path is too long for a UNIX socket. `mtu` is that of the bridge, for VMs on one.
 */
export function qemuArguments(vm: VmSpec, machine: Machine, mtu?: number): string[] {
  return [
    ...['-name', `guest=${vm.domain},debug-threads=on`],
    ...['-uuid', vm.uuid],
    ...['-no-user-config', '-nodefaults', '-display', 'none'],
    ...(machine.sandbox ? sandboxArguments : []),
    ...machineArguments(vm, machine),
    ...['-pidfile', vmFiles.pid],
    ...monitorArguments(),
    ...consoleArguments(),
    ...agentArguments(),
    ...diskArguments(vm),
    ...networkArguments(vm, mtu),
    // Without it a guest waits long for entropy at its first boot.
    ...['-device', 'virtio-rng-pci'],
    ...bootArguments(vm),
  ];
}

/** Processor model per accelerator; la57 off because five-level paging makes emulated boots slower. */
export function acceleratorArguments(accelerator: Machine['accelerator']): string[] {
  return accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : // 32 MiB of translated code are enough for a service; the default is a quarter of the guest's memory or more.
      ['-accel', 'tcg,tb-size=32', '-cpu', 'max,la57=off'];
}

function machineArguments(vm: VmSpec, machine: Machine): string[] {
  return [
    ...['-M', 'pc'],
    ...acceleratorArguments(machine.accelerator),
    ...['-m', `size=${Math.ceil(vm.memoryBytes / mebibyte)}M`],
    ...['-smp', `cpus=${vm.vcpus}`],
    // A guest that panics is kept as it is, to be told from one that was shut down.
    ...['-device', 'pvpanic', '-action', 'panic=pause'],
  ];
}

function monitorArguments(): string[] {
  return [
    ...['-chardev', `socket,id=monitor,path=${vmFiles.monitor},server=on,wait=off`],
    ...['-mon', 'chardev=monitor,mode=control'],
  ];
}

function consoleArguments(): string[] {
  // The log gets all of it, whether somebody is connected or not.
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

/**
 * The overlay through the host's page cache, which all VMs on one template share. What the guest discards or fills
 * with zeroes takes no space. An error of the host's disk (it is full, say) pauses the VM instead of reaching the
 * guest, whose file system would go read-only: it goes on where it was when the host is well again.
 */
function diskArguments(vm: VmSpec): string[] {
  const node = {
    driver: vm.disk.format,
    'node-name': 'disk',
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', filename: vm.disk.path, discard: 'unmap' },
  };
  return [
    ...['-blockdev', JSON.stringify(node)],
    ...['-device', 'virtio-blk-pci,id=disk,drive=disk,werror=stop,rerror=stop'],
  ];
}

function networkArguments({ uuid, network }: VmSpec, mtu: number | undefined): string[] {
  // Longer frames than the bridge's would be lost on it without a word.
  const limit = mtu === undefined ? '' : `,host_mtu=${mtu}`;
  return [
    ...['-netdev', backendOf(uuid, network)],
    // Without its option ROM, which would try to boot from the network and lies in a package of its own.
    ...['-device', `virtio-net-pci,netdev=net,mac=${network.mac},romfile=${limit}`],
  ];
}

function backendOf(uuid: string, network: VmNetwork): string {
  // The driver makes the interface and takes it away: QEMU opens it by its name, as often as it is started.
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
