import { type GuestType, guestTypeOf } from '../../../domain/guest-type.ts';
import { hostErrors } from '../../errors/index.ts';
import type { VmDisk, VmSpec } from '../vm.ts';

/** The paths on the host that a domain's configuration names. */
export type DomainSurroundings = {
  /** The socket of the agent's channel, and the socket of the unused first channel, which xl up to 4.17 does not connect. */
  readonly sockets: { readonly agent: string; readonly unused: string };
  /** GRUB as a Xen kernel, by domain type. It boots a guest by the guest's own settings, without dom0 reading its disk. */
  readonly grub: { readonly PV: string; readonly PVH: string };
};

export type DomainType = GuestType;

const MIB = 1024 * 1024;

export function domainTypeOf({ boot, xen }: Pick<VmSpec, 'boot' | 'xen'>): DomainType {
  return guestTypeOf(boot.kind === 'direct', xen);
}

/**
 * The domain's configuration file (SO-MVDS section 4.1), for `xl create` and for people.
 * https://xenbits.xen.org/docs/4.17-testing/man/xl.cfg.5.html
 */
export function domainConfiguration(vm: VmSpec, surroundings: DomainSurroundings): string {
  const memory = String(Math.floor(vm.memoryBytes / MIB));
  const type = domainTypeOf(vm);
  return [
    '# Written by Coppice at every start of this VM: change the appliance, not this file.',
    `name = ${quoted(vm.domain)}`,
    `uuid = ${quoted(vm.uuid)}`,
    `type = ${quoted(type.toLowerCase())}`,
    ...bootLines(vm, type, surroundings),
    ...(type === 'HVM' ? hardwareLines : []),
    ...(type === 'HVM' ? [`boot = ${quoted(vm.cd === undefined ? 'c' : 'cd')}`] : []),
    ...(type === 'PVH' ? clockLines : []),
    '# Equal, so that the guest is never ballooned.',
    `memory = ${memory}`,
    `maxmem = ${memory}`,
    `vcpus = ${vm.vcpus}`,
    `disk = [${disksOf(vm).join(',\n        ')}]`,
    ...networkLines(vm),
    '# xl up to 4.17 gives the first channel the number of the primary console and loses it: the second is the agent.',
    `channel = [${quoted(channel(surroundings.sockets.unused, 'none'))},`,
    `           ${quoted(channel(surroundings.sockets.agent, 'org.qemu.guest_agent.0'))}]`,
    '# An ended domain is kept until the daemon has seen how it ended; the daemon starts the VM again.',
    ...['on_poweroff', 'on_reboot', 'on_crash'].map((event) => `${event} = "preserve"`),
    '',
  ].join('\n');
}

/** A machine without a screen; its first serial line is its console. */
const hardwareLines = ['serial = "pty"', 'vga = "none"', 'nographic = 1', 'vnc = 0', 'usb = 0'];

/** Without the menu: nobody is there to choose, and the menu needs a terminal of dom0. */
const pygrubLines = ['bootloader = "pygrub"', 'bootloader_args = ["-q"]'];

/**
 * The guest reads the processor's time-stamp counter directly. By default Xen intercepts these reads when it does not trust the
 * counter, and after a migration. Coppice never migrates a guest, and guests take the time from Xen's clock. Under emulation,
 * interception makes a start three times as long.
 */
const clockLines = ['tsc_mode = "native"'];

function bootLines({ boot, xen }: VmSpec, type: DomainType, { grub }: DomainSurroundings): string[] {
  if (boot.kind === 'direct') {
    return [
      `kernel = ${quoted(boot.kernel)}`,
      ...(boot.initrd === undefined ? [] : [`ramdisk = ${quoted(boot.initrd)}`]),
      `cmdline = ${quoted(boot.commandLine)}`,
    ];
  }
  if (type === 'HVM') return [];
  return xen?.bootLoader === 'PyGrub' ? pygrubLines : [`kernel = ${quoted(grub[type])}`];
}

/** The seed has the last name, for which HVM guests get no emulated drive. */
function disksOf({ disk, dataDisk, cd, seed }: VmSpec): string[] {
  return [
    diskLine('xvda', disk),
    ...(dataDisk === undefined ? [] : [diskLine('xvdb', dataDisk)]),
    ...(cd === undefined ? [] : [quoted(`format=raw,vdev=hdc,devtype=cdrom,access=ro,target=${cd}`)]),
    ...(seed === undefined ? [] : [quoted(`format=raw,vdev=xvdz,access=ro,target=${seed}`)]),
  ];
}

/** Everything after target= is the path, including commas. */
function diskLine(device: string, { format, path }: VmDisk): string {
  return quoted(`format=${format},vdev=${device},access=rw,target=${path}`);
}

/** `type=vif`: without an emulated card beside Xen's, which the guest would have to recognise as the same card. */
function networkLines({ network }: VmSpec): string[] {
  if (network.mode !== 'bridge') return [];
  return [`vif = [${quoted(`mac=${network.mac},bridge=${network.bridge},type=vif`)}]`];
}

function channel(path: string, name: string): string {
  return `connection=socket,path=${path},name=${name}`;
}

/**
 * A string literal for xl. Some releases read numeric escapes wrong, so characters that would need one are refused; the daemon's
 * API lets none of them in.
 */
export function quoted(text: string): string {
  for (const character of text) {
    if (character < ' ' || character === '\u007f') {
      throw hostErrors.internal(
        new Error(`${JSON.stringify(text)} cannot stand in a domain's configuration`),
      );
    }
  }
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
