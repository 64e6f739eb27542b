/** What starts a machine: a BIOS, which runs the code of a boot sector, or UEFI, which runs a program of an EFI system partition. */
export type Firmware = 'bios' | 'uefi';

/**
 * The firmware of a VM: the one that its template names; otherwise a BIOS, unless only UEFI finds something to boot.
 * @param boots which firmware finds something to boot on the disk; undefined where nobody looked
 */
export function firmwareFor(asked: Firmware | undefined, boots: readonly Firmware[] | undefined): Firmware {
  if (asked !== undefined) return asked;
  return boots?.includes('uefi') === true && !boots.includes('bios') ? 'uefi' : 'bios';
}

/** Whether a disk that was looked at has something to boot, and nothing for the firmware that its template names. */
export function isOfOtherFirmware(
  asked: Firmware | undefined,
  boots: readonly Firmware[] | undefined,
): boolean {
  return asked !== undefined && boots !== undefined && boots.length > 0 && !boots.includes(asked);
}

/** What a firmware looks for on a disk, for people. */
export const LOOKS_FOR: Readonly<Record<Firmware, string>> = {
  bios: 'a boot sector with code',
  uefi: 'an EFI system partition',
};
