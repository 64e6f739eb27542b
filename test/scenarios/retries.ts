interface Line {
  readonly msg?: string;
  readonly step?: string;
  readonly reason?: string;
}

/** What whoever keeps a bed's daemon writes into its log before it is started again. */
export const ENDED_BY_ITSELF = 'the daemon ended by itself';

/** What the daemon's log calls libxl's time-outs, which the driver bears by itself. */
const TIMEOUT = /^libxl ran out of its time/;

/** How often each thing was tried again, by what it was, as the daemons of a bed have logged; some are meant to be. */
export function retriesIn(log: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of log.split('\n')) {
    const what = retryOf(parsed(line));
    if (what !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** Those that were not there before, in words. */
export function tellRetries(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const more = [...after].flatMap(([what, count]) => {
    const times = count - (before.get(what) ?? 0);
    return times === 0 ? [] : [`${what} ×${times}`];
  });
  return more.length === 0 ? 'none' : more.join(', ');
}

function retryOf({ msg, step, reason }: Line): string | undefined {
  if (msg === undefined) return undefined;
  if (msg === ENDED_BY_ITSELF) return msg;
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
