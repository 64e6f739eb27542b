import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import { type Clock, type Random, sleep } from '../../base/clock.ts';
import { requestIdentity } from './client.ts';
import { type Identity, loadIdentity, renewalTime, saveIdentity } from './identity.ts';

/** How a DaemonSet's pod joins by itself. The files are read each time, since their content changes. */
export interface JoinSource {
  readonly server: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly address: string;
}

export interface KeeperOptions {
  readonly stateDirectory: string;
  /** Undefined for a host that joined by `coppice host join`. */
  readonly source?: JoinSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** An identity, and when to request the next one, in milliseconds since the epoch. */
export interface Obtained {
  readonly identity: Identity;
  readonly nextAt: number;
}

const JOINING: BackoffPolicy = { initialMs: 2000, maxMs: 60_000 };
const RENEWING: BackoffPolicy = { initialMs: 2000, maxMs: 3_600_000 };
/** A machine may be suspended for days, and its timers with it: look at the wall clock at least this often. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * The host's identity. With a source, the host joins now, even if it has a certificate, so that a deleted Host is registered
 * again. If the operator does not answer, the stored certificate is used: VMs must not wait for the operator. Without one,
 * joining is retried until it succeeds. Without a source, the stored certificate is used, and this rejects if there is none.
 */
export async function obtainIdentity(options: KeeperOptions, signal: AbortSignal): Promise<Obtained> {
  const { stateDirectory, source, clock, random, log } = options;
  const stored = await loadIdentity(stateDirectory, clock.now());
  if (source === undefined) {
    if (stored !== undefined) return { identity: stored, nextAt: renewalTime(stored) };
    throw new Error(
      `${stateDirectory} has no valid certificate of this host: run \`coppice host join\` first, or give --tls-cert, --tls-key and --client-ca`,
    );
  }
  for (let failures = 1; ; failures += 1) {
    try {
      const identity = await joinFrom(stateDirectory, source);
      return { identity, nextAt: renewalTime(identity) };
    } catch (error) {
      log.warn(`${messageOf(error)}${stored === undefined ? '' : '; the stored certificate is used'}`);
      if (stored !== undefined) return { identity: stored, nextAt: clock.now() };
      await sleep(clock, backoffDelay(JOINING, failures, random), signal);
    }
  }
}

/** Renews the identity in time, and calls `onRenewed` each time, until the signal fires. Never rejects. */
export async function keepIdentity(
  options: KeeperOptions,
  { identity: first, nextAt: firstAt }: Obtained,
  onRenewed: (identity: Identity) => void,
  signal: AbortSignal,
): Promise<void> {
  const { stateDirectory, source, clock, random, log } = options;
  let identity = first;
  let nextAt = firstAt;
  let failures = 0;
  while (!signal.aborted) {
    const waitMs = Math.max(nextAt - clock.now(), backoffDelay(RENEWING, failures + 1, random));
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, Math.min(waitMs, LONGEST_WAIT_MS), signal).catch(() => undefined);
    if (signal.aborted || nextAt > clock.now()) continue;
    try {
      identity = await (source === undefined
        ? renew(stateDirectory, identity)
        : joinFrom(stateDirectory, source));
      nextAt = renewalTime(identity);
      failures = 0;
      log.info({ host: identity.host }, "the host's certificate is renewed");
      onRenewed(identity);
    } catch (error) {
      failures += 1;
      log.warn(`the host's certificate could not be renewed yet: ${messageOf(error)}`);
    }
  }
}

async function joinFrom(
  stateDirectory: string,
  { server, caFile, tokenFile, address }: JoinSource,
): Promise<Identity> {
  const [ca, token] = await Promise.all([caFile, tokenFile].map((file) => readFile(file, 'utf8')));
  const proof = { token: (token ?? '').trim() };
  return await saved(stateDirectory, await requestIdentity({ server, ca: ca ?? '', address, proof }));
}

async function renew(
  stateDirectory: string,
  { server, clientCa, address, cert, key }: Identity,
): Promise<Identity> {
  const proof = { cert, key };
  return await saved(stateDirectory, await requestIdentity({ server, ca: clientCa, address, proof }));
}

async function saved(stateDirectory: string, identity: Identity): Promise<Identity> {
  await saveIdentity(stateDirectory, identity);
  return identity;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
