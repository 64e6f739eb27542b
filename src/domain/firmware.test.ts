import { expect, it } from 'vitest';
import { type Firmware, firmwareFor, isOfOtherFirmware } from './firmware.ts';

const cases: readonly (readonly [
  asked: Firmware | undefined,
  boots: readonly Firmware[] | undefined,
  firmware: Firmware,
  isOther: boolean,
])[] = [
  [undefined, undefined, 'bios', false],
  [undefined, [], 'bios', false],
  [undefined, ['bios'], 'bios', false],
  [undefined, ['bios', 'uefi'], 'bios', false],
  [undefined, ['uefi'], 'uefi', false],
  ['uefi', ['bios', 'uefi'], 'uefi', false],
  ['uefi', undefined, 'uefi', false],
  ['uefi', [], 'uefi', false],
  ['uefi', ['bios'], 'uefi', true],
  ['bios', ['uefi'], 'bios', true],
];

it.each(cases)('asked %s, of a disk that boots by %s', (asked, boots, firmware, isOther) => {
  expect(firmwareFor(asked, boots)).toBe(firmware);
  expect(isOfOtherFirmware(asked, boots)).toBe(isOther);
});
