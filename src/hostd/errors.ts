import type { Problem } from '../host/protocol.ts';
import { guestErrors } from './errors/guests.ts';
import { codeOf, HostError } from './errors/host-error.ts';
import { machineErrors } from './errors/machines.ts';
import { networkErrors } from './errors/networks.ts';
import { requestErrors } from './errors/requests.ts';
import { sourceErrors } from './errors/sources.ts';
import { storageErrors } from './errors/storage.ts';
import { xenErrors } from './errors/xen.ts';

export { codeOf, HostError, messageOf } from './errors/host-error.ts';

/** All errors of the host daemon, each with the sentence that says what happened and what to do next. */
export const hostErrors = {
  ...requestErrors,
  ...storageErrors,
  ...sourceErrors,
  ...machineErrors,
  ...xenErrors,
  ...guestErrors,
  ...networkErrors,
};

/** Any thrown value as a HostError; a full disk is recognised, whoever met it. */
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
