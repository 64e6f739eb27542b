import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { justifyPlacements } from '../../src/domain/placement/justify.ts';
import type {
  Justification,
  Placement,
  PlacementHost,
  PlacementRequest,
  Unplaced,
} from '../../src/domain/placement/types.ts';
import type { Choice } from '../memory/placement-outcomes.ts';
import { hostReasons, MOST_HOSTS } from './host-reasons.ts';

/** What a pass may spend on words: about a tenth of a second, enough for a hundred appliances on a thousand hosts. */
const MOST_LOOKS = 100_000;

/** What a pass has decided about one appliance. */
export type Decision = PlacedDecision | RefusedDecision;

export interface PlacedDecision {
  readonly type: 'placed';
  readonly appliance: VirtualAppliance;
  readonly host: string;
  /** Why there. */
  readonly words: Pick<Choice, 'message' | 'reasons'>;
}

export interface RefusedDecision {
  readonly type: 'refused';
  readonly appliance: VirtualAppliance;
  readonly unplaced: Unplaced;
}

/**
 * Puts the placements of a batch in words. A batch that is too big for the reasons per host says the rule alone for
 * the rest of its appliances.
 * @param requests of the appliances, in their order
 * @param placements what placeBatch answered
 */
export function decisionsOf(
  hosts: readonly PlacementHost[],
  appliances: readonly VirtualAppliance[],
  requests: readonly PlacementRequest[],
  placements: readonly Placement[],
): readonly Decision[] {
  const bounds = { hosts: MOST_HOSTS, examined: MOST_LOOKS };
  const justifications = justifyPlacements(hosts, requests, placements, bounds);
  return placements.map((placement, index) => {
    const appliance = appliances[index] as VirtualAppliance;
    if (placement.host === null) return { type: 'refused', appliance, unplaced: placement };
    const { host } = placement;
    return { type: 'placed', appliance, host, words: wordsOf(host, justifications[index]) };
  });
}

function wordsOf(host: string, justification: Justification | undefined): PlacedDecision['words'] {
  if (justification !== undefined) {
    return { message: justification.summary, reasons: hostReasons(justification.passedOver) };
  }
  const rule = `${host} comes first by free memory, then free CPU, then name, of the hosts that qualified`;
  return { message: `${rule}; too many were placed at once to say why for each host`, reasons: [] };
}
