import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { type Difference, isAvailable } from './difference.ts';
import type { WantedAppliance } from './wanted.ts';

/** What to do to bring a service of a task to what is declared. */
export interface Plan {
  readonly create: readonly WantedAppliance[];
  readonly update: readonly { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }[];
  readonly remove: readonly VirtualAppliance[];
  /** Appliances that are as declared. */
  readonly upToDate: number;
  /** Appliances that will be changed when others have come back. */
  readonly held: number;
}

/** What there is to plan with. */
export interface PlanInput {
  readonly wanted: readonly WantedAppliance[];
  /** The service's appliances, those that are wanted no more included. */
  readonly existing: readonly VirtualAppliance[];
  readonly maxUnavailable: number;
  /** An appliance that was just written, where the cache does not show that yet: it is left alone and counts as away. */
  readonly isInFlux: (appliance: VirtualAppliance) => boolean;
  readonly differenceOf: (current: VirtualAppliance, wanted: WantedAppliance) => Difference;
}

/**
 * Compares what is declared with what there is. Missing appliances are made at once; changes roll: appliances that answer are
 * touched only as far as at most `maxUnavailable` are away, highest ordinal first; those that do not answer anyway, at once.
 */
export function planService(input: PlanInput): Plan {
  const { wanted, existing, maxUnavailable, isInFlux, differenceOf } = input;
  const byName = new Map(existing.map((appliance) => [appliance.metadata.name, appliance]));
  const names = new Set(wanted.map(({ name }) => name));
  const pairs = wanted.map((one) => ({ wanted: one, current: byName.get(one.name) }));
  const steady = pairs.flatMap(({ wanted: one, current }) =>
    current === undefined || isGoing(current) || isInFlux(current) ? [] : [{ wanted: one, current }],
  );
  const outdated = steady
    .map((pair) => ({ ...pair, difference: differenceOf(pair.current, pair.wanted) }))
    .filter(({ difference }) => difference !== 'none');
  const away = wanted.length - steady.filter(({ current }) => isAvailable(current)).length;
  const now = roll(outdated, Math.max(0, maxUnavailable - away));
  const surplus = existing.filter((one) => !names.has(one.metadata.name) && !isGoing(one) && !isInFlux(one));
  return {
    create: pairs.flatMap(({ wanted: one, current }) => (current === undefined ? [one] : [])),
    update: now.filter(({ difference }) => difference === 'update'),
    remove: [...surplus, ...now.flatMap((pair) => (pair.difference === 'replace' ? [pair.current] : []))],
    upToDate: steady.length - outdated.length,
    held: outdated.length - now.length,
  };
}

/** Whose turn it is: all who do not answer anyway, and as many of the others as may be away. */
function roll<Pair extends { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }>(
  outdated: readonly Pair[],
  mayGoAway: number,
): Pair[] {
  const answering = outdated.filter(({ current }) => isAvailable(current));
  const silent = outdated.filter(({ current }) => !isAvailable(current));
  answering.sort((a, b) => b.wanted.ordinal - a.wanted.ordinal);
  return [...silent, ...answering.slice(0, mayGoAway)];
}

function isGoing({ metadata }: VirtualAppliance): boolean {
  return metadata.deletionTimestamp !== undefined;
}
