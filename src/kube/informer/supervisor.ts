import type { Logger } from 'pino';
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import { type Clock, type Random, sleep } from '../../base/clock.ts';
import { ApiError, isGone, isShutOut, isUnreachable } from '../api-error.ts';

/** What happened to the stream behind an informer, for metrics. */
export type InformerEvent =
  | { readonly type: 'listed'; readonly objects: number }
  | { readonly type: 'watching' }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly reason: string; readonly error: unknown }
  | { readonly type: 'handlerFailed' };

export interface StreamState {
  /** Where the next watch starts; undefined when a new list is needed. */
  resourceVersion: string | undefined;
  hasSynced: boolean;
}

/** One resource's list and watch. Both update the cache. */
export interface Stream {
  readonly state: StreamState;
  relist(signal: AbortSignal): Promise<void>;
  /** The server's resource version now. */
  currentVersion(signal: AbortSignal): Promise<string>;
  /** Yields the resource version of each event; ends when the server closes the watch. */
  watch(resourceVersion: string, signal: AbortSignal): AsyncIterable<string | undefined>;
}

export interface Supervision {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observe: (event: InformerEvent) => void;
}

/** Short, since a vain attempt costs little, and the watch should run within a second when the server is back. */
export const unreachableBackoff: BackoffPolicy = { initialMs: 50, maxMs: 800 };
/** Long, since the server works, and refuses: no permission, or no such resource. */
const refusedBackoff: BackoffPolicy = { initialMs: 200, maxMs: 15_000 };
/** A turn that lasted this long was healthy: failures before it no longer count. */
const healthyMs = 5000;
/** After this many failures in a row a new list is fetched, in case the server refuses the resource version. */
const failuresBeforeRelist = 5;

/** Lists and watches in turns until the signal fires. There is a pause after each turn, however it ends. */
export async function supervise(
  stream: Stream,
  supervision: Supervision,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, observe } = supervision;
  let failures = 0;
  let error: unknown;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      await takeTurn(stream, isUnreachable(error), observe, signal);
      error = undefined;
      observe({ type: 'closed' });
    } catch (caught) {
      if (signal.aborted) {
        return;
      }
      error = caught;
      const reason = caught instanceof ApiError ? caught.reason : 'Unknown';
      observe({ type: 'failed', reason, error: caught });
      log.warn({ err: caught, failures }, 'the watch failed; it will be started again');
    }
    failures = clock.monotonic() - startedAt >= healthyMs ? 1 : failures + 1;
    const isRepeated = error !== undefined && failures % failuresBeforeRelist === 0;
    // After a refusal the kind may have been installed again, with other versions. The list also shows observers that the
    // refusal is over.
    if (isGone(error) || isShutOut(error) || isRepeated) {
      stream.state.resourceVersion = undefined;
    }
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, reconnectDelay(error, failures, random), signal).catch(() => undefined);
  }
}

async function takeTurn(
  { state, relist, currentVersion, watch }: Stream,
  wasUnreachable: boolean,
  observe: Supervision['observe'],
  signal: AbortSignal,
): Promise<void> {
  // A server that was unreachable may come back with an older state (a restored backup). It would silently send nothing to a
  // watch that starts at a version from the future.
  const known = state.resourceVersion;
  if (wasUnreachable && known !== undefined && isOlder(await currentVersion(signal), known)) {
    state.resourceVersion = undefined;
  }
  if (state.resourceVersion === undefined) {
    await relist(signal);
  }
  observe({ type: 'watching' });
  for await (const version of watch(state.resourceVersion ?? '', signal)) {
    if (isOlder(version, state.resourceVersion)) {
      const message = `the server went back from version ${state.resourceVersion} to ${version}`;
      throw new ApiError({ status: 410, reason: 'Expired', message });
    }
    state.resourceVersion = version ?? state.resourceVersion;
  }
}

/** Resource versions are comparable as numbers (KEP-5504). A version that is not a number never counts as older. */
function isOlder(version: string | undefined, than: string | undefined): boolean {
  const isNumber = (value: string | undefined): value is string => value !== undefined && /^\d+$/.test(value);
  return isNumber(version) && isNumber(than) && BigInt(version) < BigInt(than);
}

function reconnectDelay(error: unknown, failures: number, random: Random): number {
  if (error instanceof ApiError && error.retryAfterSeconds !== undefined) {
    return Math.max(error.retryAfterSeconds, 0.1) * 1000 * (1 + random() / 4);
  }
  const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500 && !isGone(error);
  return backoffDelay(isRefused ? refusedBackoff : unreachableBackoff, failures, random);
}
