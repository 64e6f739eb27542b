interface Line {
  readonly msg?: string;
  readonly step?: string;
  readonly reason?: string;
  readonly exitStatus?: number;
}

/**
 * What whoever keeps a bed's daemon writes into its log when it ends unasked, as `msg`, with the shell's `exitStatus`: above 128
 * where a signal ended it.
 */
export const ENDED_BY_ITSELF = 'the daemon ended by itself';

/** What the daemon's log calls libxl's time-outs, which the driver bears by itself. */
const TIMEOUT = /^libxl timed out while it made the domain/;

/** How often each thing was tried again, by what it was, as the daemons of a bed have logged; some are meant to be. */
export function retriesIn(log: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of log.split('\n')) {
    const what = retryOf(parsed(line));
    if (what !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** Lines printed for each failure of the daemon. */
const CONTEXT_LINES = 12;

/**
 * Ends of a daemon by its own failure, each with the log's last lines before it. By a signal programs may end in an emulated
 * host (docs/xen.md); nothing but a defect of ours ends the daemon with a status.
 */
export function failuresIn(log: string): readonly string[] {
  const lines = log.split('\n');
  return lines.flatMap((line, index) => {
    const { msg, exitStatus = 0 } = parsed(line);
    if (msg !== ENDED_BY_ITSELF || exitStatus > 128) return [];
    return [lines.slice(Math.max(0, index - CONTEXT_LINES), index + 1).join('\n')];
  });
}

/** Those that were not there before, in words. */
export function tellRetries(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const more = [...after].flatMap(([what, count]) => {
    const times = count - (before.get(what) ?? 0);
    return times === 0 ? [] : [`${what} ×${times}`];
  });
  return more.length === 0 ? 'none' : more.join(', ');
}

function retryOf({ msg, step, reason, exitStatus }: Line): string | undefined {
  if (msg === undefined) return undefined;
  if (msg === ENDED_BY_ITSELF) return `${msg} (status ${exitStatus})`;
  if (TIMEOUT.test(msg)) return 'libxl time-out';
  return msg === 'a step failed' ? `step ${step} (${reason})` : undefined;
}

/** A daemon that is killed may leave half a line, and a program that fails to start another kind of line. */
function parsed(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return {};
  }
}
