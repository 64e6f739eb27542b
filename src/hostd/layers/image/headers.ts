import type { ImageFormat } from '../../drivers/driver.ts';
import { hostErrors } from '../../errors/index.ts';

/** The beginning of an image's file. `what` names the image for people. */
export type ImageStart = {
  readonly what: string;
  readonly head: Buffer;
  readonly fileBytes: number;
};

/** How much of a file's beginning the checks of headers need. */
export const HEADER_BYTES = 1024 * 1024;

/**
 * Refuses, by the header alone, an image that would make qemu-img open another file, one that is encrypted, and one that is shorter
 * than its own header says and would be read as if zeroes followed. qemu-img finds the other faults itself.
 */
export function checkHeader(format: ImageFormat, start: ImageStart): void {
  try {
    if (format === 'qcow2') checkQcow2(start);
    if (format === 'vmdk') checkVmdk(start);
    if (format === 'vdi') checkVdi(start);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw hostErrors.imageDamaged(start.what, `the header of a ${format} image ends in the middle`);
  }
}

const QCOW2 = { luks: 0x0537be77, dataFile: 0x44415441, corrupt: 1n << 1n, externalData: 1n << 2n } as const;
/** dirty, corrupt, external data file, compression type, extended L2 entries */
const QCOW2_KNOWN_FEATURES = 0b11111n;

/** https://www.qemu.org/docs/master/interop/qcow2.html#header */
function checkQcow2({ what, head, fileBytes }: ImageStart): void {
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) {
    throw hostErrors.imageInvalid(what, `it is qcow2 of version ${version}, and versions 2 and 3 are known`);
  }
  const backing = Number(head.readBigUInt64BE(8));
  if (backing !== 0) throw hostErrors.imageUnsafe(what, [nameAt(head, backing, head.readUInt32BE(16))]);
  if (head.readUInt32BE(32) !== 0) throw hostErrors.imageEncrypted(what);
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  if ((features & QCOW2.externalData) !== 0n) throw hostErrors.imageUnsafe(what, ['an external data file']);
  if ((features & QCOW2.corrupt) !== 0n) throw hostErrors.imageDamaged(what, 'it is marked as corrupt');
  if ((features & ~QCOW2_KNOWN_FEATURES) !== 0n) {
    throw hostErrors.imageInvalid(
      what,
      'it has features of a newer qcow2 (incompatible features ' +
        `0x${features.toString(16)}): write it again with an older compat level`,
    );
  }
  checkExtensions(what, head, version === 3 ? head.readUInt32BE(100) : 72);
  // `qemu-img check` reads a table that begins where the file ends as zeroes, and takes the rest for sound.
  const tableEnd = Number(head.readBigUInt64BE(40)) + 8 * head.readUInt32BE(36);
  if (tableEnd > fileBytes) {
    throw hostErrors.imageDamaged(
      what,
      `its first table ends at ${tableEnd} bytes, and the file at ${fileBytes}`,
    );
  }
}

function checkExtensions(what: string, head: Buffer, start: number): void {
  for (let at = start; ; ) {
    const type = head.readUInt32BE(at);
    const length = head.readUInt32BE(at + 4);
    if (type === 0) return;
    if (type === QCOW2.luks) throw hostErrors.imageEncrypted(what);
    if (type === QCOW2.dataFile) throw hostErrors.imageUnsafe(what, [nameAt(head, at + 8, length)]);
    at += 8 + Math.ceil(length / 8) * 8;
  }
}

/** A name out of an image, in a form that can stand in a message. */
function nameAt(head: Buffer, offset: number, length: number): string {
  const name = head.subarray(offset, offset + Math.min(length, 200)).toString();
  return name === '' ? 'another file' : name.replaceAll(/[^\P{C}]/gu, '?');
}

const SECTOR = 512;
const VMDK_DESCRIPTOR = { at: SECTOR, bytes: 20 * SECTOR } as const;

/**
 * Only images that are one file. An image of capacity 0 is a descriptor in disguise, whose extents may be any files, and
 * `parentFileNameHint` names a backing file: QEMU looks for it where the header says, and at the second sector.
 * https://www.vmware.com/app/vmdk/?src=vmdk
 */
function checkVmdk({ what, head }: ImageStart): void {
  const at = Number(head.readBigUInt64LE(28)) * SECTOR;
  const bytes = Number(head.readBigUInt64LE(36)) * SECTOR;
  if (head.readBigUInt64LE(12) === 0n || at === 0) {
    throw hostErrors.imageUnsafe(what, ['the files of a VMDK in several parts']);
  }
  if (at + bytes > HEADER_BYTES) throw hostErrors.imageInvalid(what, 'its VMDK descriptor is far too long');
  const declared = head.toString('latin1', at, at + bytes);
  const second = head.toString('latin1', VMDK_DESCRIPTOR.at, VMDK_DESCRIPTOR.at + VMDK_DESCRIPTOR.bytes);
  for (const text of [declared, second]) {
    if (/parentFileNameHint/i.test(text)) throw hostErrors.imageUnsafe(what, ['the parent of a VMDK']);
  }
  const type = /createType\s*=\s*"([A-Za-z0-9]*)"/.exec(declared)?.[1] ?? 'unknown';
  if (!['monolithicSparse', 'streamOptimized'].includes(type)) {
    throw hostErrors.imageUnsafe(what, [`the files of a VMDK of type ${type}`]);
  }
}

/** qemu-img takes a VDI that was cut off for sound. https://forums.virtualbox.org/viewtopic.php?t=8046 */
function checkVdi({ what, head, fileBytes }: ImageStart): void {
  const dataAt = head.readUInt32LE(0x158);
  const blockBytes = head.readUInt32LE(0x178) + head.readUInt32LE(0x17c);
  const needed = dataAt + blockBytes * head.readUInt32LE(0x184);
  if (needed <= fileBytes) return;
  throw hostErrors.imageDamaged(what, `its header announces ${needed} bytes, and the file has ${fileBytes}`);
}
