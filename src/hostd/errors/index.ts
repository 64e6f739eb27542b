import type { Problem } from '../../host/protocol.ts';
import { buildErrors } from './builds.ts';
import { guestErrors } from './guests.ts';
import { codeOf, HostError } from './host-error.ts';
import { imageErrors } from './images.ts';
import { machineErrors } from './machines.ts';
import { networkErrors } from './networks.ts';
import { requestErrors } from './requests.ts';
import { sealErrors } from './seals.ts';
import { sharingErrors } from './sharing.ts';
import { sourceErrors } from './sources.ts';
import { storageErrors } from './storage.ts';
import { transferErrors } from './transfers.ts';
import { uploadErrors } from './uploads.ts';
import { xenErrors } from './xen.ts';

export { codeOf, HostError, messageOf } from './host-error.ts';
export { lastWords } from './quote.ts';

/** All errors of the host daemon, each with the sentence that says what happened and what to do next. */
export const hostErrors = {
  ...requestErrors,
  ...storageErrors,
  ...imageErrors,
  ...sealErrors,
  ...sharingErrors,
  ...sourceErrors,
  ...transferErrors,
  ...uploadErrors,
  ...machineErrors,
  ...xenErrors,
  ...guestErrors,
  ...buildErrors,
  ...networkErrors,
};

/** Any thrown value as a HostError. A full disk becomes `DiskFull`, whichever operation failed. */
export function toHostError(error: unknown): HostError {
  if (error instanceof HostError) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const path = (error as NodeJS.ErrnoException).path;
    return hostErrors.diskFull(path ?? 'the state directory', error);
  }
  return hostErrors.internal(error);
}

export function toProblem(error: HostError, retryAt?: string): Problem {
  return {
    reason: error.reason,
    message: error.message,
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}
