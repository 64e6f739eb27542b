/** Exponentially decayed activations; an activation is an appliance that is made from the template (SO-MVDS 3). */
export interface Popularity {
  /** At `time`. */
  readonly value: number;
  /** When the last appliance that counts was made, RFC 3339. */
  readonly time: string;
}

/**
 * Appliances count when they are older than this, in milliseconds: creation times are whole seconds, and the cache shows appliances
 * of several API servers in any order. None of an earlier second is still to come by then.
 */
const SETTLE_MS = 3_000;
/** So exact is a value that is kept. */
const DECIMALS = 1e6;

/** The popularity at an instant, in milliseconds since the epoch. */
export function popularityAt(known: Popularity | undefined, now: number, halfLifeMs: number): number {
  if (known === undefined) return 0;
  return known.value * remaining(now - Date.parse(known.time), halfLifeMs);
}

/**
 * The popularity with the appliances that do not count yet: those that were made after the last one that does. So none counts twice,
 * whatever is lost with an operator; one that came and went while no operator looked does not count.
 * @param created when each appliance that there is was made, in milliseconds since the epoch, in any order
 */
export function countActivations(
  known: Popularity | undefined,
  created: readonly number[],
  now: number,
  halfLifeMs: number,
): Popularity | undefined {
  const fresh = after(known, created).filter((time) => time + SETTLE_MS <= now);
  if (fresh.length === 0) return known;
  const last = fresh.reduce((latest, time) => Math.max(latest, time));
  const sum = fresh.reduce(
    (total, time) => total + remaining(last - time, halfLifeMs),
    popularityAt(known, last, halfLifeMs),
  );
  return { value: Math.round(sum * DECIMALS) / DECIMALS, time: new Date(last).toISOString() };
}

/** In how many milliseconds the next appliance counts; undefined when all do. */
export function nextCountMs(
  known: Popularity | undefined,
  created: readonly number[],
  now: number,
): number | undefined {
  const waiting = after(known, created).map((time) => time + SETTLE_MS - now);
  return waiting.length === 0
    ? undefined
    : Math.max(
        1,
        waiting.reduce((least, ms) => Math.min(least, ms)),
      );
}

function after(known: Popularity | undefined, created: readonly number[]): readonly number[] {
  const last = known === undefined ? Number.NEGATIVE_INFINITY : Date.parse(known.time);
  return created.filter((time) => time > last);
}

/** The share that is left of what counted then. A clock that was set back lets nothing grow. */
function remaining(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, elapsedMs) / halfLifeMs);
}
