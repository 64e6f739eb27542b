/** Something failed that may succeed next time: try again after `retryAfterMs`, or else with growing delays. */
export class TransientError extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TransientError';
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Something else must happen first. Its event brings the key back, so there is nothing to retry until then. */
export class WaitingError extends Error {
  /** CamelCase, as a condition's and an Event's reason. */
  readonly reason: string;

  constructor(reason: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WaitingError';
    this.reason = reason;
  }
}

/** A person must change the spec; trying again cannot help. */
export class StalledError extends Error {
  /** CamelCase, as a condition's and an Event's reason. */
  readonly reason: string;

  constructor(reason: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StalledError';
    this.reason = reason;
  }
}
