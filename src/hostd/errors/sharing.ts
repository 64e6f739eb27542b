import { HostError, messageOf } from './host-error.ts';

/** Errors of the directory that hosts share. */
export const sharingErrors = {
  sharedDirectoryUnusable: (path: string, cause: unknown) =>
    new HostError(
      'SharedDirectoryUnusable',
      `the shared directory ${path} cannot be used (${messageOf(cause)}): mount it, so that this host can write there; the daemon looks again by itself`,
      { status: 503, cause },
    ),
  sharedDirectoryNotMounted: (path: string, id: string) =>
    new HostError(
      'SharedDirectoryNotMounted',
      `${path} is not the shared directory ${id} that this host had there: it has no coppice-shared.json, so probably nothing is ` +
        'mounted; mount it, the daemon looks again by itself',
      { status: 503 },
    ),
  sharedDirectoryOther: (path: string, id: string, found: string, record: string) =>
    new HostError(
      'SharedDirectoryOther',
      `${path} is the shared directory ${found}, and this host has layers in ${id}: mount that one; or, if it is gone for good, stop ` +
        `the daemon, remove ${record}, and start it again`,
      { status: 503 },
    ),
  sharedDirectoryDamaged: (path: string) =>
    new HostError(
      'SharedDirectoryDamaged',
      `${path} does not say which shared directory this is: restore the file from another time, or have the hosts share another, empty directory`,
      { status: 503 },
    ),
  sharedDirectoryFormat: (path: string, theirs: string, own: string) =>
    new HostError(
      'SharedDirectoryFormat',
      `the shared directory ${path} has disks as ${theirs}, and this host's driver keeps them as ${own}: give this host another directory`,
      { status: 503 },
    ),
  sharedDirectorySilent: (path: string) =>
    new HostError(
      'SharedDirectorySilent',
      `the shared directory ${path} does not answer: check its server, and the network; the daemon looks again by itself`,
      { status: 503 },
    ),
  sharedFileMissing: (file: string) =>
    new HostError(
      'SharedFileMissing',
      `${file}, which other hosts share, is not there: mount the shared directory, and start the daemon with --shared-directory; if the ` +
        'file is gone for good, delete the appliances on it and this layer, and it is fetched again',
    ),
  noSharedDirectory: (identity: string) =>
    new HostError(
      'NoSharedDirectory',
      `layer ${identity} is to lie in a directory that hosts share, and this host has none: start its daemon with --shared-directory`,
      { status: 409, kind: 'refused' },
    ),
  layerNotCopied: (identity: string, missingBytes: number) =>
    new HostError(
      'LayerCorrupt',
      `layer ${identity} cannot be put into the shared directory: ${missingBytes} bytes of this host's file are not what they were; ` +
        'delete its copy of the layer, and it is fetched again',
      { kind: 'stalled' },
    ),
};
