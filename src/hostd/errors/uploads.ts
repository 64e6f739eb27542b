import { HostError } from './host-error.ts';

const refused = (reason: string, status: number, message: string) =>
  new HostError(reason, message, { kind: 'refused', status });

/** Errors of files that users push to a host. */
export const uploadErrors = {
  uploadOffset: (sha256: string, offset: number, received: number) =>
    refused(
      'UploadOffset',
      409,
      `the next bytes of upload ${sha256} begin at ${received}, not at ${offset}: ask how far it is, and go on there`,
    ),
  uploadTooLong: (sha256: string, totalBytes: number) =>
    refused(
      'UploadTooLong',
      400,
      `upload ${sha256} was announced with ${totalBytes} bytes, and more were sent: push the file again`,
    ),
  uploadDigestMismatch: (sha256: string, actual: string) =>
    refused(
      'DigestMismatch',
      422,
      `what was uploaded as ${sha256} has the sha256 ${actual}, and was removed: the file was changed meanwhile, or another file was ` +
        'pushed in its place; push it again',
    ),
  uploadMissing: (sha256: string) =>
    new HostError(
      'UploadMissing',
      `the file ${sha256} was not uploaded to this host, or was not used for a day and removed: \`coppice template push\` uploads it`,
    ),
};
