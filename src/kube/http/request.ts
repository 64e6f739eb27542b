import { type Clock, sleep } from '../../base/clock.ts';
import { startTimeout, type Timeout } from '../../base/timeout.ts';
import { ApiError, errorFromAnswer } from '../api-error.ts';
import { JSON_TYPE, type Transport, type TransportAnswer, type TransportRequest } from './transport.ts';

/** How often an overloaded server is asked again before its refusal is handed to the caller. */
export const maxAttempts = 5;

export interface ApiRequest {
  readonly method: TransportRequest['method'];
  /** What is asked, in words for messages: `create Template demo/debian12`. */
  readonly what: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The form of the answer; plain JSON when left out. */
  readonly accept?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly beforeSend?: () => void;
}

export interface RequestDependencies {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly onWarning: (warning: string) => void;
}

/**
 * Sends one request and returns the JSON of its answer. Within the timeout it is sent again when the server said
 * when to (Retry-After on 429 or 503: it did nothing then), and once when a GET's connection broke.
 * @throws {ApiError} for every answer but a 2xx with JSON, for none at all, and for one too late
 */
export async function sendRequest(dependencies: RequestDependencies, wanted: ApiRequest): Promise<unknown> {
  const timeout = startTimeout(dependencies.clock, wanted.timeoutMs, wanted.signal);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await attemptOnce(dependencies, wanted, timeout);
      } catch (error) {
        const delayMs = retryDelay(error, wanted, attempt);
        if (delayMs === undefined || delayMs >= timeout.remainingMs() || timeout.signal.aborted) {
          throw error;
        }
        await sleep(dependencies.clock, delayMs, timeout.signal);
      }
    }
  } catch (error) {
    if (timeout.expired()) {
      dependencies.transport.suspect();
      throw tooLate(wanted, error);
    }
    throw error;
  } finally {
    timeout.clear();
  }
}

async function attemptOnce(
  { transport, onWarning }: RequestDependencies,
  wanted: ApiRequest,
  timeout: Timeout,
): Promise<unknown> {
  const headers: Record<string, string> = { accept: wanted.accept ?? JSON_TYPE };
  if (wanted.body !== undefined) {
    headers['content-type'] = wanted.contentType ?? JSON_TYPE;
  }
  const answer = await transport.open({
    method: wanted.method,
    path: wanted.path,
    headers,
    ...(wanted.body === undefined ? {} : { body: JSON.stringify(wanted.body) }),
    signal: timeout.signal,
    beforeSend: wanted.beforeSend,
  });
  const body = await readBody(answer, wanted, timeout);
  const warning = answer.header('warning');
  if (warning !== undefined) {
    onWarning(warning);
  }
  if (answer.status === 401) {
    transport.refreshCredentials();
  }
  if (answer.status < 200 || answer.status > 299) {
    throw errorFromAnswer(wanted.what, answer.status, body, answer.header('retry-after'));
  }
  return parseJson(wanted.what, answer.status, body);
}

async function readBody(answer: TransportAnswer, wanted: ApiRequest, timeout: Timeout): Promise<string> {
  try {
    return await answer.body.text();
  } catch (error) {
    if (timeout.signal.aborted) {
      throw timeout.signal.reason;
    }
    throw new ApiError({
      status: 0,
      reason: 'Unreachable',
      message: `${wanted.what}: the connection broke in the middle of the answer`,
      cause: error,
    });
  }
}

function parseJson(what: string, status: number, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new ApiError({
      status,
      reason: 'InvalidAnswer',
      message: `${what}: HTTP ${status}, but the answer is not JSON: ${body.slice(0, 200)}`,
      cause: error,
    });
  }
}

/** Milliseconds until the request may be sent again; undefined when it may not. */
function retryDelay(error: unknown, wanted: ApiRequest, attempt: number): number | undefined {
  if (!(error instanceof ApiError) || attempt >= maxAttempts) {
    return undefined;
  }
  if ((error.status === 429 || error.status === 503) && error.retryAfterSeconds !== undefined) {
    // Never less than a moment: a server that says 0 must not be asked hot.
    return Math.max(error.retryAfterSeconds * 1000, 50);
  }
  return wanted.method === 'GET' && error.status === 0 && attempt === 1 ? 10 : undefined;
}

function tooLate(wanted: ApiRequest, error: unknown): ApiError {
  return new ApiError({
    status: 0,
    reason: 'DeadlineExceeded',
    message: `${wanted.what}: no complete answer within ${wanted.timeoutMs} ms`,
    cause: error,
  });
}
