/**
 * A boot sector that goes the way every 64-bit kernel goes (real mode, paging, long mode, a call on the stack) and
 * then tells QEMU by `isa-debug-exit` that it arrived: the smallest guest that proves that an accelerator works.
 */
const code = [
  'fa 31c0 8ed8 8ec0 8ed0 bc0070', // cli; ds = es = ss = 0; sp = 0x7000
  'bf0010 b90018 fc f3ab', // clear 0x1000-0x3fff
  '66c706001003200000', // [0x1000] = 0x2003: level 4 to level 3
  '66c706002003300000', // [0x2000] = 0x3003: level 3 to level 2
  '66c706003083000000', // [0x3000] = 0x0083: the first 2 MiB, one to one
  '0f0116b87c', // lgdt [0x7cb8]
  '0f20e0 6683c820 0f22e0', // cr4 |= physical address extension
  '66b800100000 0f22d8', // cr3 = 0x1000
  '66b9800000c0 0f32 660d00010000 0f30', // extended features |= long mode
  '0f20c0 660d01000080 0f22c0', // cr0 |= paging, protection
  'ea697c0800', // jump to 0x7c69 as 64-bit code
  'b810000000 8ed0 bc00700000', // ss = 0x10; rsp = 0x7000
  '48b8f0debc9a78563412 50', // push 0x123456789abcdef0
  'e818000000 5b 4839c3 7508', // call 0x7c9d; pop rbx; is it what was pushed?
  '31c0 0fa2 b010 eb02', // yes: cpuid; al = 0x10
  'b020', // no: al = 0x20
  '66baf400 ee f4 ebfd', // out 0xf4, al; halt for ever
  'c3 6690', // 0x7c9d: ret; (alignment)
  '0000000000000000 00000000009a2000 0000000000920000', // 0x7ca0: segments: none, 64-bit code, data
  '1700 a07c0000', // 0x7cb8: their table's length and place
];

const sectorBytes = 512;

/** QEMU's exit code when the guest wrote 0x10 to its `isa-debug-exit` port: twice that, plus one. */
export const arrivedExitCode = 33;

export function bootSector(): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  Buffer.from(code.join('').replaceAll(' ', ''), 'hex').copy(sector);
  sector.writeUInt16LE(0xaa55, sectorBytes - 2);
  return sector;
}
