import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { justifyPlacements } from '../../src/domain/placement/justify.ts';
import type {
  Justification,
  Placement,
  PlacementHost,
  PlacementRequest,
  Unplaced,
} from '../../src/domain/placement/types.ts';
import type { Choice, HostReason, Refusal } from '../memory/placement-outcomes.ts';
import { placementMessages } from '../obstacles/placement.ts';

/** How many hosts a status has room for (crds/virtualappliances.yaml); the sentence beside them counts all. */
const MOST_HOSTS = 20;
/** The longest reason of one host there, in characters. */
const LONGEST_REASON = 512;
/**
 * How many pairs of an appliance and a host a pass may explain: about a tenth of a second of work, enough for a hundred
 * appliances on a thousand hosts.
 */
const MOST_LOOKS = 100_000;

/** What a pass has decided about one appliance. */
export type Decision = PlacedDecision | RefusedDecision;

export interface PlacedDecision {
  readonly type: 'placed';
  readonly appliance: VirtualAppliance;
  readonly host: string;
  /** Why that host. */
  readonly explanation: Pick<Choice, 'message' | 'reasons'>;
}

export interface RefusedDecision {
  readonly type: 'refused';
  readonly appliance: VirtualAppliance;
  readonly unplaced: Unplaced;
}

/**
 * Explains the placements of a batch. In a batch that is too large for a reason per host, the rest of its appliances get only the
 * rule as an explanation.
 * @param requests of the appliances, in their order
 * @param placements the result of placeBatch
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
    return { type: 'placed', appliance, host, explanation: explain(host, justifications[index]) };
  });
}

function explain(host: string, justification: Justification | undefined): PlacedDecision['explanation'] {
  return justification === undefined
    ? { message: placementMessages.chosenInLargeBatch(host), reasons: [] }
    : { message: justification.summary, reasons: hostReasons(justification.passedOver) };
}

/** A refusal as a status has room for it: one entry per host. */
export function refusalOf(unplaced: Unplaced): Refusal {
  const { reasons, summary } = unplaced.explain();
  const byHost = Map.groupBy(reasons, ({ host }) => host);
  const perHost = [...byHost].map(([host, ofHost]) => ({
    host,
    message: ofHost.map(({ message }) => message).join('; '),
  }));
  // But for the port, it would have been placed.
  const needsPort = [...byHost.values()].some((ofHost) =>
    ofHost.every(({ reason }) => reason === 'PortInUse'),
  );
  return {
    ...(needsPort
      ? placementMessages.lacksPort(summary)
      : placementMessages.refused(summary, perHost.length > 0 ? 'NoHostFits' : 'NoHosts')),
    reasons: hostReasons(perHost),
  };
}

function hostReasons(reasons: readonly { readonly host: string; readonly message: string }[]): HostReason[] {
  return reasons
    .slice(0, MOST_HOSTS)
    .map(({ host, message }) => ({ host, reason: message.slice(0, LONGEST_REASON) }));
}
