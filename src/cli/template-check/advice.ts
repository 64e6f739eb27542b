import type { DiskFacts, Note } from './report.ts';

/** What a person should know about an image that the daemon takes: what it lacks, and what to do about it. */
export function adviceOn({ firmware, system, notLooked }: DiskFacts): readonly Note[] {
  return [
    ...bootAdvice(firmware),
    ...(system === undefined ? unknownSystem(notLooked) : systemAdvice(system)),
  ];
}

/** What a person should know about a file that is no disk, but a CD. */
export const adviceOnCd: Note = {
  level: 'warning',
  reason: 'IsCd',
  message:
    'it is an image of a CD, not of a disk: name it in guest.cd of a Template, whose source names the disk that the guest starts from',
};

function bootAdvice(firmware: DiskFacts['firmware']): readonly Note[] {
  if (firmware.length === 0) {
    return [
      note(
        'warning',
        'NothingToBoot',
        'neither a BIOS nor UEFI finds anything to boot on it: give a kernel in the Template (guest.boot), or install a boot loader',
      ),
    ];
  }
  if (firmware.includes('bios')) return [];
  return [
    note(
      'note',
      'UefiOnly',
      'only UEFI boots it: its hosts need the package ovmf, and Xen hosts cannot run it; name 160Mi or more in guest.minimumMemory; its boot loader must be at ' +
        '/EFI/BOOT/BOOTX64.EFI of the EFI system partition',
    ),
  ];
}

function unknownSystem(reason = 'no file system with a system was found on it'): readonly Note[] {
  return [
    note(
      'warning',
      'NotLookedInto',
      `whether qemu-guest-agent is in it is not known: ${reason}; without the agent its VMs end in AgentTimeout`,
    ),
  ];
}

const INSTALL =
  'virt-customize -a FILE --install qemu-guest-agent (package libguestfs-tools) installs it in a copy of the image';

function systemAdvice({
  agent,
  agentSettings,
  cloudInit,
}: NonNullable<DiskFacts['system']>): readonly Note[] {
  const missing =
    cloudInit === undefined
      ? note(
          'error',
          'NoAgent',
          `qemu-guest-agent is not in it, and without it no service can be installed: ${INSTALL}`,
        )
      : note(
          'warning',
          'NoAgent',
          `qemu-guest-agent is not in it: its VMs end in AgentTimeout unless cloud-init, which is in it, installs the agent when they first boot; ${INSTALL}`,
        );
  const limited = note(
    'warning',
    'AgentMayBeLimited',
    `${agentSettings} may forbid the agent to run programs: it must allow guest-exec and the guest-file commands`,
  );
  return [...(agent === undefined ? [missing] : []), ...(agentSettings === undefined ? [] : [limited])];
}

function note(level: Note['level'], reason: string, message: string): Note {
  return { level, reason, message };
}
