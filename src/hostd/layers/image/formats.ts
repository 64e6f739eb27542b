import type { ImageFormat, Packing } from '../../drivers/driver.ts';

/** What a file is, by its first bytes. Every file that is nothing else is a raw image: what is on it is looked at later. */
export type FileKind =
  | { readonly kind: 'image'; readonly format: ImageFormat }
  | { readonly kind: 'encrypted' }
  | {
      readonly kind: 'packed';
      readonly name: string;
      readonly unpack: string;
      /** Unset where the host does not unpack it. */
      readonly packing?: Packing | 'tar';
    }
  | { readonly kind: 'convertible'; readonly name: string }
  | {
      readonly kind: 'other';
      readonly name: string;
      readonly remedy: string;
      /** It is text, or nothing at all. */
      readonly isText?: boolean;
    };

type Signature = { readonly at?: number; readonly bytes: string; readonly is: FileKind };

const image = (format: ImageFormat): FileKind => ({ kind: 'image', format });
const packed = (name: string, unpack: string, packing?: Packing | 'tar'): FileKind => ({
  kind: 'packed',
  name,
  unpack,
  ...(packing === undefined ? {} : { packing }),
});
const convertible = (name: string): FileKind => ({ kind: 'convertible', name });
const other = (name: string, remedy: string): FileKind => ({ kind: 'other', name, remedy });
const text = (name: string, remedy: string): FileKind => ({ kind: 'other', name, remedy, isText: true });

const kernel = 'a kernel goes into guest.boot.kernel; source.image names the disk';

/** Bytes as Latin-1. The first that matches counts. */
const SIGNATURES: readonly Signature[] = [
  { bytes: 'QFI\xfb\0\0\0\x01', is: convertible('a qcow image of version 1') },
  { bytes: 'QFI\xfb', is: image('qcow2') },
  { bytes: 'KDMV', is: image('vmdk') },
  { bytes: 'COWD', is: convertible('a VMDK extent of ESX (COWD)') },
  { bytes: 'vhdxfile', is: image('vhdx') },
  { bytes: 'conectix', is: image('vpc') },
  { at: 64, bytes: '\x7f\x10\xda\xbe', is: image('vdi') },
  { bytes: 'QED\0', is: convertible('a QED image') },
  { bytes: 'WithoutFreeSpace', is: convertible('a Parallels image') },
  { bytes: 'WithouFreSpacExt', is: convertible('a Parallels image') },
  { bytes: 'Bochs Virtual HD Image', is: convertible('a Bochs image') },
  { bytes: 'LUKS\xba\xbe', is: { kind: 'encrypted' } },
  { bytes: '\x1f\x8b', is: packed('a gzip file', 'gunzip', 'gzip') },
  { bytes: '\xfd7zXZ\0', is: packed('an xz file', 'unxz', 'xz') },
  { bytes: '\x28\xb5\x2f\xfd', is: packed('a zstd file', 'unzstd', 'zstd') },
  { bytes: 'BZh', is: packed('a bzip2 file', 'bunzip2', 'bzip2') },
  { bytes: '\x04\x22\x4d\x18', is: packed('an lz4 file', 'unlz4') },
  { bytes: 'LZIP', is: packed('an lzip file', 'lzip -d') },
  { bytes: 'PK\x03\x04', is: packed('a zip archive', 'unzip') },
  { bytes: '7z\xbc\xaf\x27\x1c', is: packed('a 7z archive', '7z x') },
  { bytes: 'Rar!\x1a\x07', is: packed('a RAR archive', 'unrar x') },
  { at: 257, bytes: 'ustar', is: packed('a tar archive', 'tar xf', 'tar') },
  { bytes: '070701', is: other('a cpio archive', 'an initial RAM disk goes into guest.boot.initrd') },
  { bytes: '!<arch>\n', is: other('a Debian package or ar archive', 'give the address of a disk image') },
  { bytes: '\x7fELF', is: other('an ELF program', kernel) },
  { at: 514, bytes: 'HdrS', is: other('a Linux kernel', kernel) },
  { bytes: '%PDF-', is: other('a PDF document', 'give the address of a disk image') },
];

/** How much of a file's beginning `kindOf` needs. */
export const KIND_BYTES = 1024;

/** @param head the file's first `KIND_BYTES` bytes, or the whole file if it is shorter */
export function kindOf(head: Buffer): FileKind {
  if (head.length === 0) return text('an empty file', 'look at what its address serves');
  const start = head.toString('latin1');
  const known = SIGNATURES.find(({ at = 0, bytes }) => start.startsWith(bytes, at));
  return known?.is ?? kindOfText(head) ?? image('raw');
}

const CONTROL = /[^\P{Cc}\t\n\r\f]/u;

/** Undefined for what is not text. No disk begins with so much of it. */
function kindOfText(head: Buffer): FileKind | undefined {
  const content = decoded(head);
  if (CONTROL.test(content)) return undefined;
  if (/^\s*(<!doctype html|<html|<head|<body)/i.test(content) || /<html[\s>]/i.test(content)) {
    return text(
      'a web page (HTML)',
      'its address serves a page for people, or an error: give the address of the file itself',
    );
  }
  if (/disk descriptorfile|createType\s*=/i.test(content)) {
    return text(
      'a VMDK descriptor, a text that names the files of a disk',
      'it is not opened; make one file of the disk (qemu-img convert -O qcow2 …), and publish that',
    );
  }
  return text('a text file', 'look at what its address serves, and give the address of a disk image');
}

/** Decodes UTF-8, UTF-16 with a byte order mark, or else Latin-1. The last character may be cut off. */
function decoded(head: Buffer): string {
  const mark = head.length >= 2 ? head.readUInt16BE(0) : 0;
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true });
  } catch {
    return head.toString('latin1');
  }
}
