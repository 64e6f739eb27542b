import { hostErrors } from '../../errors/index.ts';
import type { VmSpec } from '../driver.ts';

/** What of a host a domain's configuration depends on. */
export type DomainSurroundings = {
  /** Where the agent's channel listens, and the channel that xl loses. */
  readonly sockets: { readonly agent: string; readonly none: string };
  /** GRUB as a Xen kernel, by domain type: what boots a guest by its own configuration without dom0 reading its disk. */
  readonly grub: { readonly PV: string; readonly PVH: string };
};

export type DomainType = 'PV' | 'PVH' | 'HVM';

const MIB = 1024 * 1024;

/** What the guest is made as: as its template says; else PV where a kernel is given, and HVM where firmware boots it. */
export function domainTypeOf({ boot, xen }: Pick<VmSpec, 'boot' | 'xen'>): DomainType {
  if (xen?.type !== undefined) return xen.type;
  return boot.kind === 'direct' || xen?.bootLoader !== undefined ? 'PV' : 'HVM';
}

/**
 * The domain's configuration file (SO-MVDS section 4.1), for `xl create` and for whoever reads it.
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
    ...(type === 'PVH' ? clockLines : []),
    '# Equal, so that the guest is never ballooned.',
    `memory = ${memory}`,
    `maxmem = ${memory}`,
    `vcpus = ${vm.vcpus}`,
    // The rest of the word behind target= is the path, whatever is in it.
    `disk = [${quoted(`format=${vm.disk.format},vdev=xvda,access=rw,target=${vm.disk.path}`)}]`,
    ...networkLines(vm),
    '# xl up to 4.17 loses the first channel, which gets the number of the primary console: the second is the agent.',
    `channel = [${quoted(channel(surroundings.sockets.none, 'none'))},`,
    `           ${quoted(channel(surroundings.sockets.agent, 'org.qemu.guest_agent.0'))}]`,
    '# A domain that ends is kept until the daemon has seen how; the daemon itself starts it anew.',
    ...['on_poweroff', 'on_reboot', 'on_crash'].map((event) => `${event} = "preserve"`),
    '',
  ].join('\n');
}

/** A machine without screen; the guest's first serial line is its console. */
const hardwareLines = ['boot = "c"', 'serial = "pty"', 'vga = "none"', 'nographic = 1', 'vnc = 0', 'usb = 0'];

/** Nobody is there to choose from a menu, which would also want to know dom0's terminals. */
const pygrubLines = ['bootloader = "pygrub"', 'bootloader_args = ["-q"]'];

/**
 * The guest reads the processor's counter itself. By default Xen intercepts that where it does not trust the counter, and after a
 * migration; ours are never migrated and take the time from Xen's own clock. Under emulation, interception makes a start last
 * three times as long.
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

/** Without an emulated card beside Xen's own, which its guest would have to know as the same one. */
function networkLines({ network }: VmSpec): string[] {
  if (network.mode !== 'bridge') return [];
  return [`vif = [${quoted(`mac=${network.mac},bridge=${network.bridge},type=vif`)}]`];
}

function channel(path: string, name: string): string {
  return `connection=socket,path=${path},name=${name}`;
}

/**
 * A string as xl reads it. Its numeric escapes are broken in some releases, so what would need one is refused; nothing of
 * the kind comes in by the API.
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
