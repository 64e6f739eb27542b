import type { Logger } from 'pino';
import { type BackoffPolicy, backoffDelay } from '../../src/base/backoff.ts';
import { type Clock, type Random, sleep } from '../../src/base/clock.ts';
import type { NumberedHostEvent } from '../../src/host/client.ts';
import type { HostStatus } from '../../src/host/protocol.ts';
import type { Daemon } from './daemon.ts';
import { linkProblem, NameMismatchError } from './link-problem.ts';
import type { HostViews } from './view.ts';

export interface Following {
  readonly name: string;
  readonly client: Daemon;
  readonly views: HostViews;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Short: a daemon that restarts is back within a second or two, and asking in vain costs little. */
const RECONNECT: BackoffPolicy = { initialMs: 100, maxMs: 5000 };
/** A stream that lived as long as this was healthy: failures before it no longer count. */
const HEALTHY_MS = 5000;

/**
 * Keeps the view of one host what its daemon says, until the signal fires; it never rejects. A stream goes on where the last
 * one ended; where the daemon cannot (it restarted, or too much happened), everything is fetched anew.
 */
export async function followHost(following: Following, signal: AbortSignal): Promise<void> {
  const { clock, random } = following;
  const position: Position = { lastEventId: undefined, isConnected: false };
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    let error: unknown = new Error(`the daemon of ${following.name} ended the stream of events`);
    try {
      await readStream(following, position, signal);
    } catch (caught) {
      error = caught;
    }
    if (signal.aborted) return;
    const wasHealthy = position.isConnected && clock.monotonic() - startedAt >= HEALTHY_MS;
    failures = wasHealthy ? 1 : failures + 1;
    noteBroken(following, position, error);
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, backoffDelay(RECONNECT, failures, random), signal).catch(() => undefined);
  }
}

interface Position {
  lastEventId: string | undefined;
  isConnected: boolean;
}

async function readStream(following: Following, position: Position, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const events = following.client.events(position.lastEventId, AbortSignal.any([signal, ended.signal]));
  try {
    // The stream is opened before anything is fetched, so that nothing falls in between.
    let next = events.next();
    // Should what is done meanwhile fail, this is not waited for any more.
    next.catch(() => undefined);
    if (position.lastEventId !== undefined) await resume(following, position, signal);
    for (let result = await next; result.done !== true; result = await next) {
      await takeEvent(following, position, result.value, signal);
      next = events.next();
    }
  } finally {
    ended.abort();
  }
}

/**
 * The daemon may have nothing to tell for a while: asks it, to see that it is there. One that was started anew tells of
 * everything first: what the one before it had is no knowledge about it.
 */
async function resume(following: Following, position: Position, signal: AbortSignal): Promise<void> {
  const { name, client, views, clock } = following;
  const host = await client.getHost({ signal });
  requireName(name, host);
  if (views.get(name)?.status?.startedAt !== host.startedAt) return;
  views.apply(name, { type: 'host', host }, clock.now());
  noteConnected(following, position);
}

async function takeEvent(
  following: Following,
  position: Position,
  { id, event }: NumberedHostEvent,
  signal: AbortSignal,
): Promise<void> {
  const { name, client, views, clock } = following;
  if (event.type === 'reset') {
    const [status, appliances] = await Promise.all([
      client.getHost({ signal }),
      client.listAppliances({ signal }),
    ]);
    requireName(name, status);
    views.replace(name, { status, appliances }, clock.now());
    noteConnected(following, position);
  } else {
    views.apply(name, event, clock.now());
  }
  position.lastEventId = id;
}

function noteConnected({ name, views, log }: Following, position: Position): void {
  if (!position.isConnected) log.info({ host: name }, 'connected');
  position.isConnected = true;
  views.setLink(name, { state: 'connected' });
}

function noteBroken({ name, views, clock, log }: Following, position: Position, error: unknown): void {
  const problem = linkProblem(name, error);
  const before = views.get(name)?.link;
  if (position.isConnected)
    log.warn({ host: name, err: error }, 'the connection broke; it is taken up again');
  const isSame = before?.state === 'broken' && before.problem.message === problem.message;
  if (isSame) return;
  // How long it is away counts from the first failure.
  const since = before?.state === 'broken' ? before.since : clock.monotonic();
  position.isConnected = false;
  views.setLink(name, { state: 'broken', since, problem });
}

function requireName(name: string, { name: actual }: HostStatus): void {
  if (actual !== name) throw new NameMismatchError(name, actual);
}
