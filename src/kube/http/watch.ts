import type { Clock } from '../../base/clock.ts';
import type { KubeObject } from '../../base/object.ts';
import { startTimeout, type Timeout } from '../../base/timeout.ts';
import { ApiError, errorFromAnswer, errorFromStatus } from '../api-error.ts';
import { JSON_TYPE, type Transport, type TransportAnswer } from './transport.ts';

export interface WatchEvent<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** Of a BOOKMARK only `metadata.resourceVersion` means anything. */
  readonly object: T;
}

export interface WatchStreamRequest {
  /** The watch as messages name it: `watch templates`. */
  readonly what: string;
  readonly path: string;
  /** The media type of the answer; plain JSON by default. */
  readonly accept?: string;
  /** Silence longer than this means that the connection is dead: a server that lives sends at least bookmarks. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

/** Objects of the API are at most about 1.5 MiB, so a line longer than this cannot be an event. */
const longestLine = 32 * 1024 * 1024;

/**
 * The events of one watch. The iteration ends when the server closes the watch. It throws an ApiError when the watch fails or
 * sends an ERROR event of any code, and the signal's reason when the signal fires.
 */
export async function* watchStream<T extends KubeObject>(
  transport: Transport,
  clock: Clock,
  wanted: WatchStreamRequest,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const timeout = startTimeout(clock, wanted.idleMs, wanted.signal);
  try {
    const answer = await transport.open({
      method: 'GET',
      path: wanted.path,
      headers: { accept: wanted.accept ?? JSON_TYPE },
      isWatch: true,
      signal: timeout.signal,
    });
    timeout.extend();
    if (answer.status !== 200) {
      if (answer.status === 401) {
        transport.refreshCredentials();
      }
      throw errorFromAnswer(
        wanted.what,
        answer.status,
        await answer.body.text(),
        answer.header('retry-after'),
      );
    }
    for await (const line of lines(answer, timeout)) {
      yield parseEvent<T>(wanted.what, line);
    }
  } catch (error) {
    if (timeout.expired()) {
      transport.suspect();
    }
    throw watchError(wanted, timeout, error);
  } finally {
    timeout.clear();
  }
}

async function* lines(answer: TransportAnswer, timeout: Timeout): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body) {
    timeout.extend();
    rest += decoder.decode(chunk, { stream: true });
    let end = rest.indexOf('\n');
    while (end >= 0) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
      end = rest.indexOf('\n');
    }
    if (rest.length > longestLine) {
      throw new Error(`a line of more than ${longestLine} characters`);
    }
  }
  // The rest after the last newline is a line that was cut off; parsing it reports that.
  if (rest.trim() !== '') {
    yield rest;
  }
}

function parseEvent<T extends KubeObject>(what: string, line: string): WatchEvent<T> {
  const event = parseLine(what, line);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (hasMetadata<T>(event.object)) {
        return { type: event.type, object: event.object };
      }
      throw invalid(what, line);
    case 'ERROR':
      throw errorFromStatus(
        what,
        typeof event.object === 'object' && event.object !== null ? { ...event.object } : {},
      );
    default:
      throw invalid(what, line);
  }
}

function parseLine(what: string, line: string): { readonly type?: unknown; readonly object?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw invalid(what, line, error);
  }
  if (typeof value !== 'object' || value === null) {
    throw invalid(what, line);
  }
  return value;
}

/** The rest of the type is not checked: the API server guarantees it, by the CRDs. */
function hasMetadata<T extends KubeObject>(object: unknown): object is T {
  return (
    typeof object === 'object' &&
    object !== null &&
    'metadata' in object &&
    typeof object.metadata === 'object' &&
    object.metadata !== null
  );
}

function invalid(what: string, line: string, cause?: unknown): ApiError {
  const message = `${what}: not a watch event: ${line.slice(0, 200)}`;
  return new ApiError({ status: 200, reason: 'InvalidAnswer', message, cause });
}

function watchError(wanted: WatchStreamRequest, timeout: Timeout, error: unknown): unknown {
  if (timeout.expired()) {
    return new ApiError({
      status: 0,
      reason: 'DeadlineExceeded',
      message: `${wanted.what}: nothing came for ${wanted.idleMs} ms, not even a bookmark`,
      cause: error,
    });
  }
  if (timeout.signal.aborted) {
    return wanted.signal?.reason;
  }
  if (error instanceof ApiError) {
    return error;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError({
    status: 0,
    reason: 'Unreachable',
    message: `${wanted.what}: the connection broke: ${detail}`,
    cause: error,
  });
}
