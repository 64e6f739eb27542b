import { HostError, messageOf } from './host-error.ts';

/** Errors of the daemon's own state, disks and files. */
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
      `${directory} has no desired.json, so the daemon does not know which appliance it is and touches nothing in it: ` +
        'apply the appliance again, or delete it',
    ),
  internal: (cause: unknown) => new HostError('InternalError', messageOf(cause), { cause }),

  diskFull: (path: string, cause?: unknown) =>
    new HostError(
      'DiskFull',
      `no space is left on the host for ${path}: free some space; the daemon tries again by itself`,
      {
        status: 507,
        ...(cause === undefined ? {} : { cause }),
      },
    ),
  notEnoughSpace: (what: string, neededBytes: number, freeBytes: number) =>
    new HostError(
      'DiskFull',
      `${what} needs ${neededBytes} bytes and the host has ${freeBytes} free: free some space; the daemon tries again by itself`,
      { status: 507 },
    ),
  diskMissing: (path: string, createdAt: string) =>
    new HostError(
      'DiskMissing',
      `the disk ${path}, created at ${createdAt}, is gone, and is not replaced by an empty one: restore the file, ` +
        'or delete the appliance',
    ),
  diskPressure: (directory: string, freeBytes: number, totalBytes: number) =>
    new HostError(
      'DiskPressure',
      `the file system of ${directory} has ${freeBytes} of ${totalBytes} bytes free, and running VMs pause when it is full: ` +
        'delete layers or appliances that are not needed, or add space',
    ),
  fileExists: (path: string) =>
    new HostError(
      'FileExists',
      `${path} already exists and is not overwritten: remove it if nothing needs it`,
    ),
};
