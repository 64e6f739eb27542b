/**
 * The smallest guest that proves that an accelerator works: firmware that takes the steps of every 64-bit kernel (real mode,
 * paging, long mode, a call on the stack), measures its speed, and reports to QEMU through `isa-debug-exit`. It is its own firmware
 * because SeaBIOS takes seconds if the processor's instructions are emulated one by one.
 */
const code = [
  'fa 31c0 8ed8 8ec0 8ed0 bc0070', // cli; ds = es = ss = 0; sp = 0x7000
  'bf0010 b90018 fc f3ab', // clear 0x1000-0x3fff
  '66c706001003200000', // [0x1000] = 0x2003: level 4 to level 3
  '66c706002003300000', // [0x2000] = 0x3003: level 3 to level 2
  '66c706003083000000', // [0x3000] = 0x0083: the first 2 MiB, one to one
  '2e0f0116e000', // lgdt cs:[0xe0]
  '0f20e0 6683c820 0f22e0', // cr4 |= physical address extension
  '66b800100000 0f22d8', // cr3 = 0x1000
  '66b9800000c0 0f32 660d00010000 0f30', // extended features |= long mode
  '0f20c0 660d01000080 0f22c0', // cr0 |= paging, protection
  '66ea6d000f000800', // jump to 0xf006d, the next line, as 64-bit code
  'b810000000 8ed0 bc00700000', // ss = 0x10; rsp = 0x7000
  '48b8f0debc9a78563412 50', // push 0x123456789abcdef0
  'e83d000000 5b 4839c3 752d', // call 0xc6; pop rbx; is it what was pushed? no: to 0xbc
  'bf10000000', // edi = 16: tries, because a busy host interrupts some
  '0f31 89c6 b910270000', // 0x94: esi = the processor's clock; ecx = 10,000
  'ffc9 75fc', // 0x9d: dec ecx; jnz 0x9d
  '0f31 29f0 3d404b4c00 7208', // fewer than 5,000,000 ticks since? yes: to 0xb4
  'ffcf 75e4', // dec edi; jnz 0x94
  'b030 eb0a', // too slow each time: al = 0x30; to 0xbe
  '31c0 0fa2 b010 eb02', // 0xb4: cpuid; al = 0x10; to 0xbe
  'b020', // 0xbc: al = 0x20
  '66baf400 ee f4 ebfd', // 0xbe: out 0xf4, al; halt for ever
  'c3 90', // 0xc6: ret; (alignment)
  '0000000000000000 00000000009b2000 0000000000930000', // 0xc8: segments: none, 64-bit code, data
  '1700 c8000f00', // 0xe0: their table's length and place
];

/** The address at which a processor starts, counted from the firmware's end: a jump to the firmware's start, 0xf000:0. */
const resetVector = { fromEnd: 16, code: 'ea000000f0' };

const firmwareBytes = 64 * 1024;

/** QEMU's exit code is twice what the guest writes to its `isa-debug-exit` port, plus one. */
export const trialExitCodes = { arrived: 0x10 * 2 + 1, wrong: 0x20 * 2 + 1, slow: 0x30 * 2 + 1 } as const;

/** For QEMU's option `-bios`. */
export function trialFirmware(): Buffer {
  const firmware = Buffer.alloc(firmwareBytes);
  bytesOf(code.join('')).copy(firmware);
  bytesOf(resetVector.code).copy(firmware, firmwareBytes - resetVector.fromEnd);
  return firmware;
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}
