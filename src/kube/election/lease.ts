import type { Logger } from 'pino';
import { type Clock, type Random, sleep } from '../../base/clock.ts';
import { isAlreadyExists, isConflict } from '../api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { heldBy, LEASES, type Lease, released } from './lease-record.ts';

/** How long one try to renew may take, as a share of the renew deadline. */
const longestTry = 0.4;

export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique among all candidates, and new with every start. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How long others wait after the last renewal that they saw; default 15 s. */
  readonly leaseDurationMs?: number;
  /** A leader that could not renew for this long stops leading. Must be less than the lease's duration; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between tries; default 2 s. */
  readonly retryPeriodMs?: number;
  /** Called while leading. Everything it does must stop when its signal fires. */
  readonly lead: (leadership: Leadership) => Promise<void>;
}

export interface Leadership {
  /** Fires when leadership is lost, or the program must end. */
  readonly signal: AbortSignal;
  /** Fires when leadership is lost. A write under way must not reach its server later: whoever leads then may have gone on. */
  readonly lost: AbortSignal;
  /**
   * Whether this candidate leads right now. A process that was frozen wakes up before its timers fire, so call this before every
   * write that two leaders must not make.
   */
  isLeader(): boolean;
}

interface Election {
  readonly options: Required<Omit<LeaderElectionOptions, 'lead'>>;
  /** The lease as last seen, and when, by this machine's clock: other machines' clocks are not trusted. */
  observed: { readonly lease: Lease; readonly at: number } | undefined;
  /** When the last successful renewal began. */
  renewedAt: number;
}

/**
 * Takes part in the election until the signal fires, and calls `lead` when elected. Resolves when the signal has fired and the
 * lease is given up; or when leadership is lost, after which the caller may take part again. Rejects if `lead` does.
 */
export async function runLeaderElection(options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  const election: Election = {
    options: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000, ...options },
    observed: undefined,
    renewedAt: Number.NEGATIVE_INFINITY,
  };
  const { log, clock, renewDeadlineMs, leaseDurationMs, identity } = election.options;
  if (renewDeadlineMs >= leaseDurationMs) {
    throw new Error('the renew deadline must be shorter than the lease, or two could lead at once');
  }
  if (!(await acquire(election, signal))) {
    return;
  }
  log.info({ identity }, 'leading');
  const lost = new AbortController();
  const leadership: Leadership = {
    signal: AbortSignal.any([signal, lost.signal]),
    lost: lost.signal,
    isLeader: () => !lost.signal.aborted && clock.monotonic() - election.renewedAt < renewDeadlineMs,
  };
  const ended = new AbortController();
  const renewing = keepRenewing(election, lost, ended.signal);
  try {
    await options.lead(leadership);
  } finally {
    ended.abort();
    await renewing;
    if (!lost.signal.aborted) {
      await release(election);
    }
  }
}

/** Resolves with true when this candidate holds the lease, with false when the signal fires. */
async function acquire(election: Election, signal: AbortSignal): Promise<boolean> {
  const { clock, random, retryPeriodMs, renewDeadlineMs } = election.options;
  while (!signal.aborted) {
    if (await tryToHold(election, renewDeadlineMs, signal)) {
      return true;
    }
    // At random, so that candidates that saw the same lease expire do not all try at once. Only the signal ends the sleep early.
    await sleep(clock, retryPeriodMs * (1 + random() * 0.2), signal).catch(() => undefined);
  }
  return false;
}

/** Renews until `ended` fires, or until no renewal has succeeded within the renew deadline and leadership is lost. */
async function keepRenewing(election: Election, lost: AbortController, ended: AbortSignal): Promise<void> {
  const { clock, log, renewDeadlineMs, retryPeriodMs, identity } = election.options;
  let triedAt = election.renewedAt;
  while (!ended.aborted) {
    const leftMs = election.renewedAt + renewDeadlineMs - clock.monotonic();
    const isTakenOver = election.observed?.lease.spec?.holderIdentity !== identity;
    if (leftMs <= 0 || isTakenOver) {
      log.error({ identity, isTakenOver }, 'leadership is lost');
      lost.abort(new Error('leadership is lost'));
      return;
    }
    // No pause after a try that took long. Only the end of leading ends the sleep early.
    const pauseMs = Math.max(0, triedAt + retryPeriodMs - clock.monotonic());
    await sleep(clock, Math.min(pauseMs, leftMs), ended).catch(() => undefined);
    triedAt = clock.monotonic();
    const stillMs = election.renewedAt + renewDeadlineMs - triedAt;
    if (!ended.aborted && stillMs > 0) {
      // A try must not last longer than the leadership that it prolongs. And if it waits on a dead connection, there must be
      // time for another try on a new connection.
      await tryToHold(election, Math.min(stillMs, renewDeadlineMs * longestTry), ended);
    }
  }
}

/** One try to take the lease or to renew it. */
async function tryToHold(election: Election, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { client, clock, identity, namespace, name, leaseDurationMs, log } = election.options;
  const startedAt = clock.monotonic();
  // The time limit is set on the calls themselves: then the client notices the timeout, and uses another connection next time.
  const call = () => ({ timeoutMs: Math.max(0, startedAt + timeoutMs - clock.monotonic()), signal });
  try {
    const found = await client.find(LEASES, { namespace, name }, call());
    if (found !== undefined && isHeldByAnother(election, found)) {
      return false;
    }
    const spec = heldBy(identity, found?.spec, leaseDurationMs, clock.now());
    const held =
      found === undefined
        ? await client.create(LEASES, newLease(namespace, name, spec), call())
        : await client.replace(LEASES, { ...found, spec }, call());
    election.observed = { lease: held, at: startedAt };
    election.renewedAt = startedAt;
    return true;
  } catch (error) {
    if (!signal.aborted && !isConflict(error) && !isAlreadyExists(error)) {
      log.warn({ err: error, lease: `${namespace}/${name}` }, 'the lease could not be taken or renewed');
    }
    return false;
  }
}

/** Remembers the lease that was found. A lease counts as held until it has not changed for its duration, by this machine's clock. */
function isHeldByAnother(election: Election, found: Lease): boolean {
  const { clock, identity } = election.options;
  const now = clock.monotonic();
  if (election.observed?.lease.metadata.resourceVersion !== found.metadata.resourceVersion) {
    election.observed = { lease: found, at: now };
  }
  const holder = found.spec?.holderIdentity ?? '';
  const durationMs = (found.spec?.leaseDurationSeconds ?? 0) * 1000;
  return holder !== '' && holder !== identity && now - (election.observed?.at ?? now) < durationMs;
}

async function release(election: Election): Promise<void> {
  election.renewedAt = Number.NEGATIVE_INFINITY;
  const { client, clock, log, renewDeadlineMs } = election.options;
  const lease = election.observed?.lease;
  if (lease === undefined) {
    return;
  }
  try {
    const spec = released(lease.spec, clock.now());
    await client.replace(LEASES, { ...lease, spec }, { timeoutMs: renewDeadlineMs / 2 });
    log.info('the lease is given up');
  } catch (error) {
    log.warn({ err: error }, 'the lease could not be given up; it will expire');
  }
}

function newLease(namespace: string, name: string, spec: NonNullable<Lease['spec']>): Lease {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec };
}
