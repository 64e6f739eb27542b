import { isRecord } from '../base/json.ts';

/** One of the causes of a refusal, usually one invalid field. */
export interface ApiErrorCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

interface ApiErrorFacts {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly causes?: readonly ApiErrorCause[];
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/**
 * A request to the Kubernetes API that failed. `status` is the HTTP status (0 when there was no answer) and
 * `reason` the machine-readable reason (`NotFound`, `Conflict`, `Invalid`, …). Without an answer of an API server it is
 * `Unreachable`, `DeadlineExceeded` or `InvalidAnswer`.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly ApiErrorCause[];
  readonly retryAfterSeconds: number | undefined;

  constructor(facts: ApiErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'ApiError';
    this.status = facts.status;
    this.reason = facts.reason;
    this.causes = facts.causes ?? [];
    this.retryAfterSeconds = facts.retryAfterSeconds;
  }
}

/** The object, or the resource itself, does not exist. */
export function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

/** Somebody else changed the object since it was read. */
export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.reason !== 'AlreadyExists';
}

/** A test of a JSON patch failed. It has the status of an invalid object, but no causes. */
export function isFailedTest(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 422 && error.causes.length === 0;
}

/** An object of that name exists already. */
export function isAlreadyExists(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.reason === 'AlreadyExists';
}

/** The server refuses the request as it is: forbidden (also by a quota or a policy), or invalid. */
export function isRefused(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 403 || error.status === 422);
}

/** The server does not know the user, does not permit the request, or has no such resource. */
export function isShutOut(error: unknown): error is ApiError {
  return error instanceof ApiError && [401, 403, 404].includes(error.status);
}

/** The server no longer has the requested resource version: list again. */
export function isGone(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

/** There was no answer, or not one of an API server. Whether the request took effect is unknown. */
export function isUnreachable(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 0 || error.reason === 'InvalidAnswer');
}

/**
 * The error of an answer: read from the `Status` object in its body. If a proxy answered instead of the API server, it is made
 * from the HTTP status and the beginning of the body.
 */
export function errorFromAnswer(
  what: string,
  status: number,
  body: string,
  retryAfterHeader?: string,
): ApiError {
  const parsed = parseStatus(body);
  const headerSeconds = parseRetryAfter(retryAfterHeader);
  if (parsed === undefined) {
    const excerpt = body.replaceAll(/\s+/g, ' ').trim().slice(0, 200);
    return new ApiError({
      status,
      reason: reasonFor(status),
      message: `${what}: HTTP ${status}${excerpt === '' ? '' : `: ${excerpt}`}`,
      retryAfterSeconds: headerSeconds,
    });
  }
  return errorFromStatus(what, parsed, status, headerSeconds);
}

/** The error in a `Status` object, which is an answer's body or the object of a watch's ERROR event. */
export function errorFromStatus(
  what: string,
  object: Readonly<Record<string, unknown>>,
  httpStatus = 0,
  retryAfterSeconds?: number,
): ApiError {
  const details = isRecord(object.details) ? object.details : {};
  const status = typeof object.code === 'number' ? object.code : httpStatus;
  return new ApiError({
    status,
    reason: text(object.reason) ?? reasonFor(status),
    message: `${what}: ${text(object.message) ?? `HTTP ${status}`}`,
    causes: Array.isArray(details.causes) ? details.causes.filter(isRecord).map(parseCause) : [],
    retryAfterSeconds:
      retryAfterSeconds ??
      (typeof details.retryAfterSeconds === 'number' ? details.retryAfterSeconds : undefined),
  });
}

function parseStatus(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && value.kind === 'Status' ? value : undefined;
  } catch {
    // Not JSON, so a proxy answered; the caller quotes its first characters.
    return undefined;
  }
}

function parseCause(value: Record<string, unknown>): ApiErrorCause {
  return { reason: text(value.reason), message: text(value.message), field: text(value.field) };
}

/** Only the form in seconds is read: API servers send no dates. */
function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

function reasonFor(status: number): string {
  const reasons: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Expired',
    422: 'Invalid',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  };
  return reasons[status] ?? (status >= 500 ? 'InternalError' : 'Unknown');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
