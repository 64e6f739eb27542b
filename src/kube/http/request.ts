import { type Clock, sleep } from '../../base/clock.ts';
import { startTimeout, type Timeout } from '../../base/timeout.ts';
import { ApiError, errorFromAnswer } from '../api-error.ts';
import { JSON_TYPE, type Transport, type TransportAnswer, type TransportRequest } from './transport.ts';

/** How many times a request is sent to an overloaded server before the caller gets the refusal. */
export const maxAttempts = 5;

export interface ApiRequest {
  readonly method: TransportRequest['method'];
  /** The request as messages name it: `create Template demo/debian12`. */
  readonly what: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The media type of the answer; plain JSON by default. */
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
 * Sends one request and returns the JSON of its answer. Within the timeout it is sent again when the server says when to do so
 * (Retry-After on 429 or 503, which mean that it did nothing), and once when the connection of a GET breaks.
 * @throws {ApiError} for every answer but a 2xx with JSON, for no answer, and for one that comes too late
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
    // A minimum, so that a server that says 0 is not flooded with requests.
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
