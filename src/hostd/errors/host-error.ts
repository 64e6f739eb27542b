/**
 * What to do about an error: `retry` it with a growing pause, `stalled` until somebody changes what is wanted
 * (or mends the host), `refused` when the request itself is at fault.
 */
export type ErrorKind = 'retry' | 'stalled' | 'refused';

type ErrorDetails = {
  readonly kind?: ErrorKind;
  /** HTTP status when the error answers a request; 500 without. */
  readonly status?: number;
  /** JSON pointer of the field at fault. */
  readonly field?: string;
  readonly cause?: unknown;
};

/** Every error that leaves the daemon: a stable `reason`, a sentence for people, and what to do about it. */
export class HostError extends Error {
  readonly reason: string;
  readonly kind: ErrorKind;
  readonly status: number;
  readonly field: string | undefined;

  constructor(reason: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HostError';
    this.reason = reason;
    this.kind = details.kind ?? 'retry';
    this.status = details.status ?? 500;
    this.field = details.field;
  }
}

/** The error's own words, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

/** `ENOENT` and the like of a system error, else undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
