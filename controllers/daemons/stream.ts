import type { Logger } from 'pino';
import { type BackoffPolicy, backoffDelay } from '../../src/base/backoff.ts';
import { type Clock, type Random, sleep } from '../../src/base/clock.ts';
import type { NumberedHostEvent } from '../../src/host/client.ts';
import type { HostStatus } from '../../src/host/protocol.ts';
import type { Daemon } from './daemon.ts';
import { linkProblem, NameMismatchError } from './link-problem.ts';
import type { HostViews } from './view.ts';

export interface FollowOptions {
  readonly name: string;
  readonly client: Daemon;
  readonly views: HostViews;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Short: a daemon that restarts is back within a second or two, and a failed attempt costs little. */
const RECONNECT: BackoffPolicy = { initialMs: 100, maxMs: 5000 };
/** A stream that lasted this long was healthy: earlier failures no longer count. */
const HEALTHY_MS = 5000;

/**
 * Keeps the view of one host up to date with its daemon, until the signal fires; it never rejects. A stream continues where the
 * last one ended. If the daemon cannot continue (it restarted, or too many events were missed), everything is fetched again.
 */
export async function followHost(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const position: Position = { lastEventId: undefined, isConnected: false };
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    let error: unknown = new Error(`the daemon of ${options.name} ended the stream of events`);
    try {
      await readStream(options, position, signal);
    } catch (caught) {
      error = caught;
    }
    if (signal.aborted) return;
    const wasHealthy = position.isConnected && clock.monotonic() - startedAt >= HEALTHY_MS;
    failures = wasHealthy ? 1 : failures + 1;
    markBroken(options, position, error);
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, backoffDelay(RECONNECT, failures, random), signal).catch(() => undefined);
  }
}

interface Position {
  lastEventId: string | undefined;
  isConnected: boolean;
}

async function readStream(options: FollowOptions, position: Position, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const events = options.client.events(position.lastEventId, AbortSignal.any([signal, ended.signal]));
  try {
    // The stream is opened before anything is fetched, so that no change in between is missed.
    let next = events.next();
    // If a request below fails, nobody awaits this promise: its rejection must not count as unhandled.
    next.catch(() => undefined);
    if (position.lastEventId !== undefined) await resume(options, position, signal);
    for (let result = await next; result.done !== true; result = await next) {
      await takeEvent(options, position, result.value, signal);
      next = events.next();
    }
  } finally {
    ended.abort();
  }
}

/**
 * The daemon may send no event for a while, so a request finds out whether it answers. A daemon that has restarted sends a reset
 * first: what its predecessor reported says nothing about it.
 */
async function resume(options: FollowOptions, position: Position, signal: AbortSignal): Promise<void> {
  const { name, client, views, clock } = options;
  const host = await client.getHost({ signal });
  requireName(name, host);
  if (views.get(name)?.status?.startedAt !== host.startedAt) return;
  views.apply(name, { type: 'host', host }, clock.now());
  markConnected(options, position);
}

async function takeEvent(
  options: FollowOptions,
  position: Position,
  { id, event }: NumberedHostEvent,
  signal: AbortSignal,
): Promise<void> {
  const { name, client, views, clock } = options;
  if (event.type === 'reset') {
    const [status, appliances] = await Promise.all([
      client.getHost({ signal }),
      client.listAppliances({ signal }),
    ]);
    requireName(name, status);
    views.replace(name, { status, appliances }, clock.now());
    markConnected(options, position);
  } else {
    views.apply(name, event, clock.now());
  }
  position.lastEventId = id;
}

function markConnected({ name, views, log }: FollowOptions, position: Position): void {
  if (!position.isConnected) log.info({ host: name }, 'connected');
  position.isConnected = true;
  views.setLink(name, { state: 'connected' });
}

function markBroken({ name, views, clock, log }: FollowOptions, position: Position, error: unknown): void {
  const problem = linkProblem(name, error);
  const before = views.get(name)?.link;
  if (position.isConnected) log.warn({ host: name, err: error }, 'the connection broke; reconnecting');
  const isSame = before?.state === 'broken' && before.problem.message === problem.message;
  if (isSame) return;
  // The time without the host counts from the first failure, or from the first attempt to reach it.
  const since = before === undefined || before.state === 'connected' ? clock.monotonic() : before.since;
  position.isConnected = false;
  views.setLink(name, { state: 'broken', since, problem });
}

function requireName(name: string, { name: actual }: HostStatus): void {
  if (actual !== name) throw new NameMismatchError(name, actual);
}
