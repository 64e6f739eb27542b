import { HostError, messageOf } from './host-error.ts';

/** The daemon's own state, disks and files. */
export const storageErrors = {
  stateDirectoryInUse: (directory: string) =>
    new HostError(
      'StateDirectoryInUse',
      `another daemon runs on ${directory}: stop it, or use another directory`,
      {
        kind: 'stalled',
      },
    ),
  recordUnreadable: (path: string, cause: unknown) =>
    new HostError(
      'RecordUnreadable',
      `${path} cannot be read (${messageOf(cause)}): nothing of this appliance is touched until it is restored, ` +
        'or the appliance deleted',
      { cause },
    ),
  desiredMissing: (directory: string) =>
    new HostError(
      'RecordMissing',
      `${directory} has no desired.json, so nobody knows what it should be: nothing in it is touched; ` +
        'apply the appliance again, or delete it',
    ),
  internal: (cause: unknown) => new HostError('InternalError', messageOf(cause), { cause }),

  diskFull: (path: string, cause?: unknown) =>
    new HostError(
      'DiskFull',
      `no space is left on the host for ${path}: free some; it is tried again by itself`,
      {
        status: 507,
        ...(cause === undefined ? {} : { cause }),
      },
    ),
  notEnoughSpace: (what: string, neededBytes: number, freeBytes: number) =>
    new HostError(
      'DiskFull',
      `${what} needs ${neededBytes} bytes and the host has ${freeBytes} free: free some; it is tried again by itself`,
      { status: 507 },
    ),
  diskMissing: (path: string, createdAt: string) =>
    new HostError(
      'DiskMissing',
      `the disk ${path}, created at ${createdAt}, is gone: it is not replaced by an empty one; restore the file, ` +
        'or delete the appliance',
    ),
  diskPressure: (directory: string, freeBytes: number, totalBytes: number) =>
    new HostError(
      'DiskPressure',
      `the disk of ${directory} has ${freeBytes} of ${totalBytes} bytes free: running VMs stop when it is full; ` +
        'delete layers or appliances that are not needed, or give it more space',
    ),
  imageUnsafe: (path: string, references: readonly string[]) =>
    new HostError(
      'ImageUnsafe',
      `${path} refers to other files (${references.join(', ')}), which a template image must not: flatten it with ` +
        '`qemu-img convert` and publish it anew',
      { kind: 'stalled' },
    ),
  imageInvalid: (path: string, words: string) =>
    new HostError('ImageInvalid', `${path} is not a disk image that can be used: ${words}`, {
      kind: 'stalled',
    }),
  fileExists: (path: string) =>
    new HostError('FileExists', `${path} exists and is not overwritten: remove it if nothing needs it`),
};
