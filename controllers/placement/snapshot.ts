import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { GuestType } from '../../src/domain/guest-type.ts';
import type { NeededForVm, PlacementRequest } from '../../src/domain/placement/types.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { hostPortsOf, nameOf, neededNetwork, replicaOf, resourcesOf, uidOf } from '../objects/appliance.ts';

/** What placement knows of an appliance's template. */
export interface TemplateFacts {
  /** Of its disk, with all that it stands on, where a host has reported that. */
  readonly storedBytes?: number | undefined;
  /** Missing while the template is. */
  readonly guestType?: GuestType | undefined;
  /** What its VM needs of a host. */
  readonly needed?: readonly NeededForVm[];
  /** The shared directories that have it, if it is to lie in one. */
  readonly sharedDirectories?: readonly string[];
}

/**
 * What a copy takes that stands on nothing: all of a disk's layers, each as large as the host says that has most of it.
 * @param copiesOf what the hosts say of a layer
 */
export function wholeBytes(
  identity: string | undefined,
  copiesOf: (identity: string) => readonly Pick<LayerStatus, 'parent' | 'storedBytes'>[],
): number {
  if (identity === undefined) return 0;
  const copies = copiesOf(identity);
  const parent = copies.find((copy) => copy.parent !== undefined)?.parent;
  return Math.max(0, ...copies.map(({ storedBytes = 0 }) => storedBytes)) + wholeBytes(parent, copiesOf);
}

/** An appliance as an element of P (SO-MVDS 4.2); its uid is its name there. */
export function placementRequest(
  appliance: VirtualAppliance,
  { storedBytes = 0, guestType, needed = [], sharedDirectories }: TemplateFacts = {},
): PlacementRequest {
  const { placement, disk } = appliance.spec;
  const service = replicaOf(appliance);
  return {
    name: uidOf(appliance),
    ...resourcesOf(appliance),
    hosts: placement.hosts,
    hostSelector: placement.hostSelector,
    capabilities: [neededNetwork(appliance), ...needed],
    appliance: nameOf(appliance),
    hostPorts: hostPortsOf(appliance),
    // An overlay takes nothing at once; yet no disk is made where the reserve is used already.
    diskBytes: disk.mode === 'Clone' ? storedBytes : 0,
    ...(service === undefined ? {} : { replicaOf: service }),
    ...(guestType === undefined ? {} : { guestType }),
    ...(sharedDirectories === undefined ? {} : { sharedDirectories }),
  };
}

/** The oldest appliance is placed first; the key makes the order total. */
export function inOrderOfArrival(appliances: readonly VirtualAppliance[]): VirtualAppliance[] {
  const rank = ({ metadata }: VirtualAppliance) =>
    `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
  return appliances
    .map((appliance) => ({ appliance, rank: rank(appliance) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ appliance }) => appliance);
}
