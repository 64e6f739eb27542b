import { CONDITION_EXPIRING, findCondition, timestamp } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { parseDuration } from '../../src/domain/duration.ts';
import { type Disposal, disposalOf } from '../../src/domain/templates/disposal.ts';
import { countActivations, nextCountMs, type Popularity } from '../../src/domain/templates/popularity.ts';
import type { Explanation } from '../obstacles/obstacle.ts';
import { templateEvents } from '../obstacles/templates.ts';

/** What time makes of a template. */
export interface Life {
  /** With the appliances that count by now. */
  readonly popularity: Popularity | undefined;
  /** RFC 3339; undefined while it is used, or is never removed. */
  readonly unusedSince: string | undefined;
  /** When it is removed, if that is announced. */
  readonly expiring: Explanation | undefined;
  /** Whether it is to be removed now. */
  readonly isDue: boolean;
  /** When it is to be looked at again, in milliseconds from now; undefined when nothing depends on time alone. */
  readonly nextMs: number | undefined;
}

/** Who uses a template. */
export interface Use {
  /** When each appliance that there is was made from it, RFC 3339. */
  readonly created: readonly string[];
  /** Whether a child or a task uses it. */
  readonly isHeld: boolean;
}

/** @param now milliseconds since the epoch */
export function lifeOf(template: Template, use: Use, now: number): Life {
  const { spec, status } = template;
  const times = use.created.map((time) => Date.parse(time));
  const halfLifeMs = parseDuration(spec.distribution.popularityHalfLife);
  const popularity = countActivations(status?.popularity, times, now, halfLifeMs);
  const disposal = disposalFor(template, use, now);
  const waits = [
    nextCountMs(popularity, times, now),
    'nextMs' in disposal ? disposal.nextMs : undefined,
  ].filter((ms) => ms !== undefined);
  const since = 'unusedSince' in disposal ? timestamp(disposal.unusedSince) : undefined;
  return {
    popularity,
    unusedSince: since,
    expiring:
      since !== undefined && 'date' in disposal
        ? templateEvents.expiring(since, timestamp(disposal.date))
        : undefined,
    isDue: disposal.type === 'due',
    nextMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

/** In whole seconds, as the status keeps times: what is written and what is computed from it later are the same. */
function disposalFor({ metadata, spec, status }: Template, use: Use, now: number): Disposal {
  const { coolDown, retain } = spec.lifecycle;
  const isKept = retain || metadata.deletionTimestamp !== undefined;
  const announced = findCondition(status?.conditions, CONDITION_EXPIRING);
  return disposalOf({
    coolDownMs: coolDown === undefined || isKept ? undefined : parseDuration(coolDown),
    isUsed: use.isHeld || use.created.length > 0,
    lastUsedAt: status?.lastUsedTime === undefined ? undefined : Date.parse(status.lastUsedTime),
    unusedSince: status?.unusedSince === undefined ? undefined : Date.parse(status.unusedSince),
    announcedAt: announced === undefined ? undefined : Date.parse(announced.lastTransitionTime),
    now: Math.floor(now / 1000) * 1000,
  });
}
