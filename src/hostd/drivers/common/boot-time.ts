import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { codeOf } from '../../errors/index.ts';

/**
 * A moment, as milliseconds since a boot of this host. Unlike the wall clock nobody can set it, and unlike
 * {@link Clock.monotonic} it means the same to the next daemon: it can be kept in a file.
 */
export type BootTime = { readonly boot: string; readonly ms: number };

/** Tells the time since the host's boot; it runs with the clock. */
export function createBootClock(clock: Pick<Clock, 'monotonic'>): () => BootTime {
  const boot = bootId();
  const offsetMs = uptime() * 1000 - clock.monotonic();
  return () => ({ boot, ms: offsetMs + clock.monotonic() });
}

/**
 * Milliseconds from `start` to `now`. A start in an earlier boot, or an unknown one, counts as the beginning of this boot:
 * at least that much time has passed.
 */
export function millisSince(start: BootTime | undefined, now: BootTime): number {
  if (start === undefined || start.boot !== now.boot || start.ms > now.ms) return now.ms;
  return now.ms - start.ms;
}

/** Whether a value that was read from a file is a boot time. */
export function isBootTime(value: unknown): value is BootTime {
  return isRecord(value) && typeof value.boot === 'string' && typeof value.ms === 'number';
}

/** Empty on hosts without /proc: two boots then differ only by their times. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
