import { type Firmware, LOOKS_FOR } from '../../domain/firmware.ts';
import { HostError } from './host-error.ts';

/** What is wrong with a template's file does not pass: its digest was right, so every host gets the same file. */
const judged = (reason: string, message: string) => new HostError(reason, message, { kind: 'stalled' });

const again = 'publish that, and name it with its sha256 in a new template';

/** Errors of disk images, and of qemu-img. `what` names the image for people. */
export const imageErrors = {
  imageUnsafe: (what: string, references: readonly string[]) =>
    judged(
      'ImageUnsafe',
      `${what} refers to other files (${references.join(', ')}), which a template's image must not: make one file of it ` +
        `(qemu-img convert -O qcow2 …), ${again}`,
    ),
  imageInvalid: (what: string, problem: string) =>
    judged('ImageInvalid', `${what} is not a usable disk image: ${problem}`),
  /** @param name such as `a gzip archive`. @param remedy what to do, up to a file that can be used */
  imageOfOtherKind: (what: string, name: string, remedy: string) =>
    judged('ImageInvalid', `${what} is ${name}, not a disk image that can be used: ${remedy}`),
  imagePacked: (what: string, name: string, unpack: string) =>
    judged('ImageInvalid', `${what} is ${name}, not a disk image: unpack it first (${unpack}), ${again}`),
  /** @param inner such as `a tar archive`. @param outer what it is in */
  imagePackedTwice: (what: string, inner: string, outer: string) =>
    judged(
      'ImageInvalid',
      `${what} is ${outer} with ${inner} in it, and one packing is undone, not two: take the disk image out, ${again}`,
    ),
  /** @param name such as `a gzip file`. @param problem what is wrong with it, and by whose words */
  packedDamaged: (what: string, name: string, problem: string) =>
    judged(
      'ImageInvalid',
      `${what} is ${name} that cannot be unpacked: ${problem}; compare it with the original, make it whole, ${again}`,
    ),
  unpackingSlow: (what: string, seconds: number) =>
    judged(
      'ImageInvalid',
      `${what} was unpacked for ${seconds} s, more than a packed file of its size may take, and was not at its end: ` +
        `unpack it and convert it (qemu-img convert -O qcow2 …), ${again}`,
    ),
  unpackerEnded: (what: string, program: string) =>
    new HostError(
      'UnpackerEnded',
      `${program} was ended by a signal while it unpacked ${what}, which says nothing about the file: check the host's memory; ` +
        'the daemon tries again by itself',
    ),
  /** @param debian the package that has it */
  unpackerMissing: (what: string, program: string, debian: string) =>
    new HostError(
      'ProgramMissing',
      `${what} is packed, and ${program}, which unpacks it, is not installed on this host: install ${debian}; the daemon ` +
        'tries again by itself',
    ),
  /** @param has what is there in place of the one disk that is wanted */
  applianceInvalid: (what: string, has: string) =>
    judged('ImageInvalid', `${what} is a virtual appliance (OVA) that cannot be used: ${has}, ${again}`),
  containerDiskInvalid: (what: string, has: string) =>
    judged(
      'ImageInvalid',
      `${what} is a container image, but no containerDisk, which has one file in /disk: ${has}; build it FROM scratch with the ` +
        'disk image in /disk, and name it with the digest of its manifest in a new template',
    ),
  imageConvertible: (what: string, name: string) =>
    judged(
      'ImageInvalid',
      `${what} is ${name}, which is not used as a template: convert it (qemu-img convert -O qcow2 …), ${again}`,
    ),
  imageDamaged: (what: string, problem: string) =>
    judged(
      'ImageInvalid',
      `${what} is damaged or was cut off: ${problem}; compare it with the original, make it whole, ${again}`,
    ),
  imageEncrypted: (what: string) =>
    judged(
      'ImageEncrypted',
      `${what} is encrypted, and nobody is there to give its key when a VM starts: decrypt it ` +
        `(qemu-img convert -O qcow2 …), ${again}`,
    ),
  bootFileInvalid: (what: string, name: string, remedy: string) =>
    judged('BootFileInvalid', `${what} is ${name}, not a kernel or initial RAM disk: ${remedy}`),
  /** @param name what it is instead, such as `a web page (HTML)` */
  cdInvalid: (what: string, name: string) =>
    judged(
      'CdInvalid',
      `${what} is ${name}, not a CD (an ISO 9660 or UDF image): look at what its address serves, and name the ISO file itself ` +
        'in guest.cd of a new template',
    ),
  cdPacked: (what: string, name: string, unpack: string) =>
    judged('CdInvalid', `${what} is ${name}, not a CD: unpack it first (${unpack}), ${again}`),
  cdIsDisk: (what: string, name: string) =>
    judged(
      'CdInvalid',
      `${what} is ${name}, not a CD (an ISO 9660 or UDF image): a disk goes into source.image, and guest.cd names an ISO file`,
    ),
  cdWithoutDescription: (what: string) =>
    judged(
      'CdInvalid',
      `${what} is damaged: it has the mark of ISO 9660, and no primary volume descriptor; compare it with the original, make it whole, ${again}`,
    ),
  cdCutOff: (what: string, fileSystem: string, neededBytes: number, bytes: number) =>
    judged(
      'CdInvalid',
      `${what} is damaged or was cut off: its ${fileSystem} file system reaches to ${neededBytes} bytes, and the file ends at ` +
        `${bytes} bytes; compare it with the original, make it whole, ${again}`,
    ),
  /** @param content what is on its disk, such as `an ext4 file system` */
  nothingToBoot: (layer: string, content: string) =>
    judged(
      'NothingToBoot',
      `the disk of layer ${layer} has ${content}, but neither a boot sector nor an EFI system partition, and its template gives ` +
        'no kernel: make a template with guest.boot, or of an image with a boot loader',
    ),
  /** @param content what is on its disk, such as `a GPT partition table and a boot sector` */
  otherFirmware: (layer: string, firmware: Firmware, content: string) =>
    judged(
      'OtherFirmware',
      `the template asks for the firmware ${firmware}, which looks for ${LOOKS_FOR[firmware]}, and the disk of layer ${layer} has ` +
        `${content}: make a new template with the other guest.firmware, or with none`,
    ),
  imageToolEnded: (path: string) =>
    new HostError(
      'ImageToolEnded',
      `qemu-img was ended by a signal while it worked on ${path}, which says nothing about the image: check the host's ` +
        'memory; the daemon tries again by itself',
    ),
  imageToolBroken: (output: string, program = 'qemu-img') =>
    new HostError(
      'ImageToolBroken',
      `${program} cannot be run on this host, which says nothing about the image: ${output}; the daemon tries again by itself`,
    ),
  limiterMissing: (program: string) =>
    new HostError(
      'ProgramMissing',
      `${program}, with which programs that read images are given limits, is not installed on this host: install util-linux`,
    ),
  lookerMissing: () =>
    new HostError(
      'ProgramMissing',
      'debugfs, which looks into ext4 file systems, is not installed: install e2fsprogs',
    ),
  fileSystemUnreadable: (problem: string) =>
    judged('FileSystemUnreadable', `its file system cannot be looked into: ${problem}`),
  seedToolMissing: (program: string) =>
    new HostError(
      'ProgramMissing',
      `${program}, which packs what cloud-init reads in a guest, is not installed on this host: install it (Debian, Ubuntu: ` +
        `apt-get install ${program}; Fedora: dnf install ${program})`,
    ),
  seedNotMade: (target: string, output: string) =>
    new HostError(
      'SeedNotMade',
      `the volume for cloud-init could not be written to ${target}: ${output}; the daemon tries again by itself`,
    ),
  imageToolSlow: (path: string, seconds: number) =>
    judged(
      'ImageToolTimeout',
      `qemu-img worked on ${path} for ${seconds} s and was ended: check the host's storage, and whether the image is sound ` +
        '(qemu-img check); the daemon looks again in some minutes',
    ),
};
