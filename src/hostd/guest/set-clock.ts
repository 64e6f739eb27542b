import { orAborted } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';

const TIMEOUT_MS = 60_000;

/** Sets the guest's clock to the host's time, within two seconds; NTP is closer. Rejects with `GuestCommandFailed`. */
export async function setClock(guest: Guest, clock: Clock, signal: AbortSignal): Promise<void> {
  const seconds = Math.round(clock.now() / 1000);
  const running = guest.exec(['date', '-u', '-s', `@${seconds}`], { timeoutMs: TIMEOUT_MS });
  const { exitCode, stdout, stderr } = await orAborted(running, signal);
  if (exitCode !== 0)
    throw hostErrors.guestCommandFailed('set the clock of the guest', exitCode, stderr || stdout);
}
