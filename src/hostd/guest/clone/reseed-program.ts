/** How many random bytes {@link RESEED_PROGRAM} reads. */
export const SEED_BYTES = 64;

/** Why the program ended, by its exit code. */
export const RESEED_FAULTS: Readonly<Record<number, string>> = {
  2: `the seed of ${SEED_BYTES} bytes did not arrive whole`,
  3: 'its /dev/urandom cannot be opened',
  4: 'its kernel does not take the seed (RNDADDENTROPY); that needs CAP_SYS_ADMIN',
  5: 'its kernel does not start its random numbers again from the seed (RNDRESEEDCRNG); that needs CAP_SYS_ADMIN and Linux 4.14',
};

/**
 * Where Linux maps the file. It is one segment, readable and executable; what it writes is on its stack, so a kernel that forbids
 * memory that is both writable and executable runs it.
 */
const BASE = 0x40_0000;
const HEADERS_BYTES = 64 + 56;
const PATH_AT = 0x109;
const FILE_BYTES = 0x116;

/** https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const HEADER: readonly (readonly [string, string])[] = [
  ['7f 45 4c 46 02 01 01 00', 'ELF, of 64 bits, little-endian, version 1, System V'],
  ['00 00 00 00 00 00 00 00', ''],
  ['02 00 3e 00 01 00 00 00', 'executable, for x86-64, version 1'],
  [quad(BASE + HEADERS_BYTES), 'where it starts'],
  [quad(64), 'the program header is behind this one'],
  [quad(0), 'it has no sections'],
  ['00 00 00 00 40 00 38 00', 'no flags; this header has 64 bytes, a program header 56'],
  ['01 00 40 00 00 00 00 00', 'one program header, no section'],
];

const PROGRAM_HEADER: readonly (readonly [string, string])[] = [
  ['01 00 00 00 05 00 00 00', 'a segment to load, readable and executable'],
  [quad(0), 'from the start of the file'],
  [quad(BASE), 'to this address'],
  [quad(BASE), ''],
  [quad(FILE_BYTES), 'so many bytes of the file'],
  [quad(FILE_BYTES), 'and of memory'],
  [quad(0x1000), 'aligned to a page'],
];

/** Linux' calls by number in eax (0 read, 2 open, 16 ioctl, 60 exit), with arguments in edi, esi, edx; errors are negative. */
const CODE: readonly (readonly [string, string])[] = [
  [
    '48 83 ec 48',
    'sub rsp, 72                    room for a struct rand_pool_info (linux/random.h) of 64 bytes',
  ],
  ['c7 04 24 00 02 00 00', 'mov dword [rsp], 512           entropy_count: all of its bits are credited'],
  ['c7 44 24 04 40 00 00 00', 'mov dword [rsp+4], 64          buf_size'],
  ['31 db', 'xor ebx, ebx                   bytes read so far'],
  ['31 c0', 'more: xor eax, eax             read'],
  ['31 ff', 'xor edi, edi                   standard input'],
  ['48 8d 74 1c 08', 'lea rsi, [rsp+rbx+8]           buf, behind what was read'],
  ['ba 40 00 00 00', 'mov edx, 64'],
  ['29 da', 'sub edx, ebx                   what is missing'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['bf 02 00 00 00', 'mov edi, 2                     the exit code of this failure'],
  ['7e 5a', 'jle end                        an error, or the end of the input'],
  ['01 c3', 'add ebx, eax'],
  ['83 fb 40', 'cmp ebx, 64'],
  ['72 de', 'jb more'],
  ['b8 02 00 00 00', 'mov eax, 2                     open'],
  [`bf ${word(BASE + PATH_AT)}`, 'mov edi, path'],
  ['be 01 00 00 00', 'mov esi, 1                     O_WRONLY'],
  ['31 d2', 'xor edx, edx'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['bf 03 00 00 00', 'mov edi, 3'],
  ['78 37', 'js end'],
  ['89 c3', 'mov ebx, eax                   the open file'],
  ['b8 10 00 00 00', 'mov eax, 16                    ioctl'],
  ['89 df', 'mov edi, ebx'],
  ['be 03 52 08 40', 'mov esi, 0x40085203            RNDADDENTROPY'],
  ['48 89 e2', 'mov rdx, rsp                   the struct'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['bf 04 00 00 00', 'mov edi, 4'],
  ['75 1b', 'jnz end'],
  ['b8 10 00 00 00', 'mov eax, 16                    ioctl'],
  ['89 df', 'mov edi, ebx'],
  ['be 07 52 00 00', 'mov esi, 0x5207                RNDRESEEDCRNG'],
  ['31 d2', 'xor edx, edx'],
  ['0f 05', 'syscall'],
  ['85 c0', 'test eax, eax'],
  ['bf 05 00 00 00', 'mov edi, 5'],
  ['75 02', 'jnz end'],
  ['31 ff', 'xor edi, edi                   done'],
  ['b8 3c 00 00 00', 'end: mov eax, 60               exit'],
  ['0f 05', 'syscall'],
  ['2f 64 65 76 2f 75 72 61 6e 64 6f 6d 00', 'path: "/dev/urandom"'],
];

/**
 * A program for x86-64 Linux that reads {@link SEED_BYTES} random bytes from its standard input, adds them to the kernel's, credited in
 * full, and makes the kernel draw from them at once, on every processor. Minimal guests have no tool for these two calls, and hosts no
 * compiler: so it is written here, instruction by instruction. The bytes never are in its arguments, or in a file. See random(4).
 */
export const RESEED_PROGRAM: Buffer = Buffer.from(
  [...HEADER, ...PROGRAM_HEADER, ...CODE].map(([bytes]) => bytes.replaceAll(' ', '')).join(''),
  'hex',
);

/** The program as a format for the shell's `printf`: a backslash and three octal digits for each byte. */
export const RESEED_FORMAT: string = [...RESEED_PROGRAM]
  .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  .join('');

/** A 32-bit number, the lowest byte first. */
function word(value: number): string {
  return [0, 8, 16, 24].map((shift) => ((value >>> shift) & 0xff).toString(16).padStart(2, '0')).join(' ');
}

/** A 64-bit number that needs 32 bits. */
function quad(value: number): string {
  return `${word(value)} 00 00 00 00`;
}
