import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { type Difference, isAvailable } from './difference.ts';
import type { WantedAppliance } from './wanted.ts';

/** What to do so that a service of a task becomes as declared. */
export interface Plan {
  readonly create: readonly WantedAppliance[];
  readonly update: readonly { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }[];
  readonly remove: readonly VirtualAppliance[];
  /** How many appliances are as declared. */
  readonly upToDate: number;
  /** How many appliances wait with their change until others are available again. */
  readonly held: number;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly wanted: readonly WantedAppliance[];
  /** The service's appliances, including those that are no longer wanted. */
  readonly existing: readonly VirtualAppliance[];
  readonly maxUnavailable: number;
  /** Whether the cache does not show yet that an appliance was written: it is left alone and counts as unavailable. */
  readonly isUnobserved: (appliance: VirtualAppliance) => boolean;
  readonly differenceOf: (current: VirtualAppliance, wanted: WantedAppliance) => Difference;
}

/**
 * Compares the declared appliances with the existing ones. Missing ones are created at once. Changes roll: of the available
 * appliances only as many are changed as keep at most `maxUnavailable` unavailable, the highest ordinal first; those that are
 * unavailable anyway are changed at once.
 */
export function planService(input: PlanInput): Plan {
  const { wanted, existing, maxUnavailable, isUnobserved, differenceOf } = input;
  const byName = new Map(existing.map((appliance) => [appliance.metadata.name, appliance]));
  const names = new Set(wanted.map(({ name }) => name));
  const pairs = wanted.map((one) => ({ wanted: one, current: byName.get(one.name) }));
  const steady = pairs.flatMap(({ wanted: one, current }) =>
    current === undefined || isGoing(current) || isUnobserved(current) ? [] : [{ wanted: one, current }],
  );
  const outdated = steady
    .map((pair) => ({ ...pair, difference: differenceOf(pair.current, pair.wanted) }))
    .filter(({ difference }) => difference !== 'none');
  const unavailable = wanted.length - steady.filter(({ current }) => isAvailable(current)).length;
  const now = roll(outdated, Math.max(0, maxUnavailable - unavailable));
  const surplus = existing.filter(
    (one) => !names.has(one.metadata.name) && !isGoing(one) && !isUnobserved(one),
  );
  return {
    create: pairs.flatMap(({ wanted: one, current }) => (current === undefined ? [one] : [])),
    update: now.filter(({ difference }) => difference === 'update'),
    remove: [...surplus, ...now.flatMap((pair) => (pair.difference === 'replace' ? [pair.current] : []))],
    upToDate: steady.length - outdated.length,
    held: outdated.length - now.length,
  };
}

/** The appliances to change now: all that are unavailable anyway, and as many of the others as may become unavailable. */
function roll<Pair extends { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }>(
  outdated: readonly Pair[],
  mayBecomeUnavailable: number,
): Pair[] {
  const answering = outdated.filter(({ current }) => isAvailable(current));
  const silent = outdated.filter(({ current }) => !isAvailable(current));
  answering.sort((a, b) => b.wanted.ordinal - a.wanted.ordinal);
  return [...silent, ...answering.slice(0, mayBecomeUnavailable)];
}

function isGoing({ metadata }: VirtualAppliance): boolean {
  return metadata.deletionTimestamp !== undefined;
}
