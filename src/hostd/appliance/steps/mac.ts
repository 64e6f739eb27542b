import { createHash } from 'node:crypto';
import type { DesiredAppliance } from '../../../host/protocol.ts';

/** The uuid of the appliance that first was the machine that this one is: its own, unless it was recalled and is deployed again. */
export function machineUuidOf({ uuid, machine }: Pick<DesiredAppliance, 'uuid' | 'machine'>): string {
  return machine?.kind === 'same' ? machine.uuid : uuid;
}

/** The address of an appliance's card. */
export function macFor(desired: Pick<DesiredAppliance, 'uuid' | 'machine'>): string {
  return macOf(machineUuidOf(desired));
}

/**
 * The MAC address of a machine's network card; the same uuid always gives the same one. It is locally administered (IEEE 802, second bit
 * of the first byte):
 * the ranges of hypervisors' makers leave 24 bits, of which ten thousand VMs on one network would share some.
 */
export function macOf(uuid: string): string {
  const bytes = createHash('sha256').update(uuid).digest().subarray(0, 5);
  return ['52', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
