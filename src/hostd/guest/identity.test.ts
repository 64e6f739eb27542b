import { describe, expect, it } from 'vitest';
import { otherGuest } from './identity.ts';

const OWN = '00112233-4455-6677-8899-aabbccddeeff';
const OTHER = '9f8b1c52-0f0e-4a53-9c65-0d5a0b4b7d11';

describe('a guest is another one', () => {
  it.each([
    ['its own uuid', [OWN], undefined],
    ['its own in capitals, as older kernels write it', [OWN.toUpperCase()], undefined],
    ['its own in the byte order of older SMBIOS', ['33221100-5544-7766-8899-aabbccddeeff'], undefined],
    ['its own by Xen, and that of a memory image by SMBIOS', [OTHER, OWN], undefined],
    ['nothing', [], undefined],
    ['that nobody set it', ['Not Settable', '00000000-0000-0000-0000-000000000000'], undefined],
    ['that nobody set it, in ones', ['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'], undefined],
    ['something that is no uuid', ['Not', 'Present', `${OTHER}-`, 'x'.repeat(100_000)], undefined],
    ['the uuid of another VM', [OTHER.toUpperCase()], OTHER],
    [
      'one that differs in a digit',
      ['00112233-4455-6677-8899-aabbccddeefe'],
      '00112233-4455-6677-8899-aabbccddeefe',
    ],
    ['two uuids of another VM', [OTHER, OTHER], OTHER],
  ])('if it tells %s', (_, told, other) => {
    expect(otherGuest(OWN, told)).toBe(other);
  });
});
