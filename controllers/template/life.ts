import type { Template } from '../../src/api/kinds.ts';
import { parseDuration } from '../../src/domain/duration.ts';
import { countActivations, nextCountMs, type Popularity } from '../../src/domain/templates/popularity.ts';

/** What time makes of a template. */
export interface Life {
  /** With the appliances that count by now. */
  readonly popularity: Popularity | undefined;
  /** When it is to be looked at again, in milliseconds from now; undefined when nothing depends on time alone. */
  readonly nextMs: number | undefined;
}

/**
 * @param created when each appliance that there is was made from it, RFC 3339
 * @param now milliseconds since the epoch
 */
export function lifeOf({ spec, status }: Template, created: readonly string[], now: number): Life {
  const times = created.map((time) => Date.parse(time));
  const halfLifeMs = parseDuration(spec.distribution.popularityHalfLife);
  const popularity = countActivations(status?.popularity, times, now, halfLifeMs);
  return { popularity, nextMs: nextCountMs(popularity, times, now) };
}
