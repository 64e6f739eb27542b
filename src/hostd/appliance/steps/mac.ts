import { createHash } from 'node:crypto';

/**
 * The address of an appliance's card, always the same for its uuid. Locally administered (IEEE 802, second bit of the first byte):
 * the ranges of hypervisors' makers leave 24 bits, of which ten thousand VMs on one network would share some.
 */
export function macOf(uuid: string): string {
  const bytes = createHash('sha256').update(uuid).digest().subarray(0, 5);
  return ['52', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
