import { systemClock } from '../base/clock.ts';
import type { PartHistory } from '../main/local/supervisor/restarts.ts';

/**
 * A row of `coppice status`.
 * @param history what the supervisor tells of the part; undefined when none works, or for the supervisor itself
 * @param now milliseconds since the epoch
 */
export function partRow(
  name: string,
  pid: number | undefined,
  history: PartHistory | undefined,
  log: string,
  now = systemClock.now(),
): readonly string[] {
  return [name, stateOf(pid, history, now), `${pid ?? '-'}`, restartsOf(history, now), log];
}

function stateOf(pid: number | undefined, history: PartHistory | undefined, now: number): string {
  if (pid !== undefined) return 'running';
  if (history === undefined) return 'stopped';
  const waitMs = Math.max(0, (history.nextAt ?? now) - now);
  return `stopped, starts again in ${Math.ceil(waitMs / 1000)}s`;
}

/** As kubectl shows those of a pod: `3 (5m ago)`. */
function restartsOf(history: PartHistory | undefined, now: number): string {
  if (history === undefined) return '-';
  const { restarts, lastAt } = history;
  return lastAt === undefined ? `${restarts}` : `${restarts} (${formatAge(now - lastAt)} ago)`;
}

function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
