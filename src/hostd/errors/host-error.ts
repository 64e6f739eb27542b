import { clipped } from '../../base/clip.ts';
import { harmless } from './quote.ts';

/** A message goes into records, statuses, Events and logs, and what a guest says may be part of it. */
const longestMessageBytes = 4096;

/**
 * What to do about an error: `retry` with a growing pause; `stalled` until a person changes the appliance or repairs the host, and
 * looked at again in minutes (`SLOW_LOOK`); `refused` because the request itself is wrong.
 */
export type ErrorKind = 'retry' | 'stalled' | 'refused';

type ErrorDetails = {
  readonly kind?: ErrorKind;
  /** HTTP status when the error answers a request; 500 by default. */
  readonly status?: number;
  /** JSON pointer to the wrong field. */
  readonly field?: string;
  readonly cause?: unknown;
};

/** Every error that leaves the daemon has a stable `reason`, a sentence of at most 4 KiB for people, without control characters, and a `kind` that says what to do. */
export class HostError extends Error {
  readonly reason: string;
  readonly kind: ErrorKind;
  readonly status: number;
  readonly field: string | undefined;

  constructor(reason: string, message: string, details: ErrorDetails = {}) {
    super(
      harmless(clipped(message, longestMessageBytes)),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'HostError';
    this.reason = reason;
    this.kind = details.kind ?? 'retry';
    this.status = details.status ?? 500;
    this.field = details.field;
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

/** The code of a system error (`ENOENT`, …), else undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
