import type { Summary } from '../../src/api/conditions.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/controller/errors.ts';

/** What a condition or an Event says. */
export interface Explanation {
  /** CamelCase, for programs: one of REASON, or what a host's daemon reported. */
  readonly reason: string;
  /** For people: what happened, to which object, and what to do next. */
  readonly message: string;
}

/** What keeps an object from becoming what its spec asks for. */
export interface Obstacle extends Explanation {
  /** Whether it stays until a person changes something. Otherwise it passes by itself, or when another object changes. */
  readonly isStalled: boolean;
}

/** An obstacle that another object, a host or time will remove. */
export function waiting(reason: string, message: string): Obstacle {
  return { reason, message, isStalled: false };
}

/** An obstacle that only a person can remove. */
export function stalled(reason: string, message: string): Obstacle {
  return { reason, message, isStalled: true };
}

/** A failed attempt that is repeated with growing pauses, while the conditions show the obstacle. */
export class RetryError extends TransientError {
  readonly obstacle: Obstacle;

  constructor({ reason, message }: Explanation, cause: unknown) {
    super(message, { cause });
    this.name = 'RetryError';
    this.obstacle = waiting(reason, message);
  }
}

/** The error that ends a reconcile at this obstacle: nothing is repeated until an event brings the key back. */
export function errorOf(
  { reason, message, isStalled }: Obstacle,
  cause?: unknown,
): StalledError | WaitingError {
  const options = cause === undefined ? {} : { cause };
  return isStalled ? new StalledError(reason, message, options) : new WaitingError(reason, message, options);
}

/**
 * The one function from an error to the obstacle that conditions show. It is undefined for an error that they do not show: one
 * that the next attempt probably solves, such as a host that did not answer, or a bug.
 */
export function obstacleOf(error: unknown): Obstacle | undefined {
  if (error instanceof RetryError) return error.obstacle;
  if (error instanceof StalledError) return stalled(error.reason, error.message);
  if (error instanceof WaitingError) return waiting(error.reason, error.message);
  return undefined;
}

/** The state of the whole object while the obstacle is in its way. */
export function summaryOf({ reason, message, isStalled }: Obstacle): Summary {
  return { state: isStalled ? 'stalled' : 'reconciling', reason, message };
}
