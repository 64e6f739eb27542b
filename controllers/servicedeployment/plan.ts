import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { answers, isChanging, isReady, isSilent } from './availability.ts';
import type { Difference } from './difference.ts';
import type { WantedImage } from './new-image.ts';
import type { WantedAppliance } from './wanted.ts';

/** What to do so that a service of a task becomes as declared. */
export interface Plan {
  readonly create: readonly WantedAppliance[];
  readonly update: readonly { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }[];
  readonly remove: readonly VirtualAppliance[];
  /** Removed as well, with their disks, and created again once they are gone. */
  readonly replace: readonly { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }[];
  /** Whose VMs are stopped, to be recalled with their images. */
  readonly stop: readonly VirtualAppliance[];
  /** Whose VMs a recall stopped that was taken back. */
  readonly start: readonly VirtualAppliance[];
  readonly save: readonly WantedImage[];
  /** Images that are not whole, of appliances that start again. */
  readonly discard: readonly Template[];
  /** How many appliances are as declared, their services included. */
  readonly asDeclared: number;
  /** How many appliances wait with their change until others are ready. */
  readonly held: number;
}

/** What of a plan is about recalls. */
type RecallPart = Pick<Plan, 'stop' | 'start' | 'save' | 'discard'>;

export const NOTHING: Plan = {
  ...{ create: [], update: [], remove: [], replace: [] },
  ...{ stop: [], start: [], save: [], discard: [] },
  ...{ asDeclared: 0, held: 0 },
};

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
 * Compares the declared appliances with the existing ones. Missing ones are created at once. Changes roll: of those that answer only
 * as many are changed as keep at most `maxUnavailable` away; those that are known not to answer are changed at once. An appliance is
 * away from the moment its change is written until its service has answered after it: one that does not come up keeps the others
 * on what they have.
 */
export function planService(input: PlanInput): Omit<Plan, keyof RecallPart> {
  const { wanted, existing, maxUnavailable, isUnobserved, differenceOf } = input;
  const byName = new Map(existing.map((appliance) => [appliance.metadata.name, appliance]));
  const names = new Set(wanted.map(({ name }) => name));
  const pairs = wanted.map((one) => ({ wanted: one, current: byName.get(one.name) }));
  const steady = pairs.flatMap(({ wanted: one, current }) =>
    current === undefined || isGoing(current) || isUnobserved(current) ? [] : [{ wanted: one, current }],
  );
  const compared = steady.map((pair) => ({ ...pair, difference: differenceOf(pair.current, pair.wanted) }));
  const outdated = compared.filter(({ difference }) => ['update', 'replace'].includes(difference));
  const changed = new Set(steady.map(({ current }) => current));
  for (const { current } of outdated) changed.delete(current);
  const present = steady.filter(({ current }) => isPresent(current, changed.has(current)));
  const now = roll(outdated, Math.max(0, maxUnavailable - (wanted.length - present.length)));
  const surplus = existing.filter(
    (one) => !names.has(one.metadata.name) && !isGoing(one) && !isUnobserved(one),
  );
  return {
    create: pairs.flatMap(({ wanted: one, current }) => (current === undefined ? [one] : [])),
    // Other labels change nothing in a VM, so they need not wait.
    update: [
      ...now.filter(({ difference }) => difference === 'update'),
      ...compared.filter(({ difference }) => difference === 'relabel'),
    ],
    remove: surplus,
    replace: now.filter(({ difference }) => difference === 'replace'),
    asDeclared: [...changed].filter(isReady).length,
    held: outdated.length - now.length,
  };
}

/** Whether it counts as there: its service answers, and no change of it is under way, nor has failed. */
function isPresent(appliance: VirtualAppliance, isChanged: boolean): boolean {
  return answers(appliance) && !isChanging(appliance) && (!isChanged || isReady(appliance));
}

/**
 * The appliances to change now: all that are known not to answer, and as many of the others as may be away. Those whose last
 * change failed come first, then the highest ordinal.
 */
function roll<Pair extends { readonly current: VirtualAppliance; readonly wanted: WantedAppliance }>(
  outdated: readonly Pair[],
  mayBeAway: number,
): Pair[] {
  const silent = outdated.filter(({ current }) => isSilent(current));
  const others = outdated.filter(({ current }) => !isSilent(current));
  const rank = ({ current }: Pair) => Number(isReady(current));
  others.sort((a, b) => rank(a) - rank(b) || b.wanted.ordinal - a.wanted.ordinal);
  return [...silent, ...others.slice(0, mayBeAway)];
}

function isGoing({ metadata }: VirtualAppliance): boolean {
  return metadata.deletionTimestamp !== undefined;
}
