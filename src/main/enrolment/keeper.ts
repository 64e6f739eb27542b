import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../base/clock.ts';
import { askForIdentity } from './client.ts';
import { type Identity, loadIdentity, renewalTime, saveIdentity } from './identity.ts';

/** How a DaemonSet's pod joins by itself. The files are read each time: they change under it. */
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
  readonly log: Logger;
}

/** An identity, and when to ask for the next one, in milliseconds since the epoch. */
export interface Obtained {
  readonly identity: Identity;
  readonly nextAt: number;
}

const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 60_000;
/** A machine may sleep for days, and timers with it. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * The host's identity. With a source it joins now, also when it has a certificate: a Host that was deleted comes back. When the
 * operator is away, the certificate that is there will do: VMs must not wait for it. Without either it asks again and
 * again; without a source it rejects.
 */
export async function obtainIdentity(options: KeeperOptions, signal: AbortSignal): Promise<Obtained> {
  const { stateDirectory, source, clock, log } = options;
  const stored = await loadIdentity(stateDirectory, clock.now());
  if (source === undefined) {
    if (stored !== undefined) return { identity: stored, nextAt: renewalTime(stored) };
    throw new Error(
      `${stateDirectory} has no valid certificate of this host: run \`coppice host join\` first, or give --tls-cert, --tls-key and --client-ca`,
    );
  }
  for (let delayMs = RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
    try {
      const identity = await joinFrom(stateDirectory, source);
      return { identity, nextAt: renewalTime(identity) };
    } catch (error) {
      log.warn(`${messageOf(error)}${stored === undefined ? '' : '; the certificate from before is used'}`);
      if (stored !== undefined) return { identity: stored, nextAt: clock.now() };
      await sleep(clock, delayMs, signal);
    }
  }
}

/** Renews the identity in time, each time telling `onRenewed`, until the signal fires; it never rejects. */
export async function keepIdentity(
  options: KeeperOptions,
  { identity: first, nextAt: firstAt }: Obtained,
  onRenewed: (identity: Identity) => void,
  signal: AbortSignal,
): Promise<void> {
  const { stateDirectory, source, clock, log } = options;
  let identity = first;
  let nextAt = firstAt;
  let delayMs = RETRY_MS;
  while (!signal.aborted) {
    const waitMs = Math.max(nextAt - clock.now(), delayMs);
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, Math.min(waitMs, LONGEST_WAIT_MS), signal).catch(() => undefined);
    if (signal.aborted || nextAt > clock.now()) continue;
    try {
      identity = await (source === undefined
        ? renew(stateDirectory, identity)
        : joinFrom(stateDirectory, source));
      nextAt = renewalTime(identity);
      delayMs = RETRY_MS;
      log.info({ host: identity.host }, "the host's certificate is renewed");
      onRenewed(identity);
    } catch (error) {
      delayMs = Math.min(delayMs * 2, LONGEST_WAIT_MS);
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
  return await saved(stateDirectory, await askForIdentity({ server, ca: ca ?? '', address, proof }));
}

async function renew(
  stateDirectory: string,
  { server, clientCa, address, cert, key }: Identity,
): Promise<Identity> {
  const proof = { cert, key };
  return await saved(stateDirectory, await askForIdentity({ server, ca: clientCa, address, proof }));
}

async function saved(stateDirectory: string, identity: Identity): Promise<Identity> {
  await saveIdentity(stateDirectory, identity);
  return identity;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
