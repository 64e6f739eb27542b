import { IP_LEASES, type IPLease, type IPPool, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_IP_LEASE, LABEL_APPLIANCE_UID, LABEL_POOL_UID } from '../../src/api/labels.ts';
import { type Address, formatAddress, leaseName } from '../../src/domain/ipam/address.ts';
import { isConflict } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { removeFinalizer } from '../../src/kube/client/finalizer.ts';
import { listAll } from '../../src/kube/client/list-all.ts';
import { uidOf } from './appliance.ts';

/** The lease to create. It is complete from the start, and a finalizer protects it from being deleted by mistake. */
export function newLease(
  { metadata, spec }: VirtualAppliance,
  pool: { readonly name: string; readonly uid: string | undefined },
  address: Address,
): IPLease {
  const { namespace = 'default', name } = metadata;
  const uid = uidOf({ metadata });
  return {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: IP_LEASES.kind,
    metadata: {
      name: leaseName(address),
      labels: leaseLabels(uid, pool.uid),
      finalizers: [FINALIZER_IP_LEASE],
    },
    spec: {
      address: formatAddress(address),
      pool: { namespace, name: pool.name },
      appliance: { namespace, name, uid },
      hostName: spec.hostName ?? '',
    },
  };
}

/** By these labels the API server finds the leases of an appliance and of a pool. @param poolUid undefined: unknown */
export function leaseLabels(applianceUid: string, poolUid: string | undefined): Record<string, string> {
  const labels: Record<string, string> = { [LABEL_APPLIANCE_UID]: applianceUid };
  if (poolUid !== undefined) labels[LABEL_POOL_UID] = poolUid;
  return labels;
}

/** The leases of an appliance, read from the API server and not from a cache; the oldest first. */
export async function leasesOf(
  client: Pick<KubeClient, 'list'>,
  applianceUid: string,
  signal: AbortSignal,
): Promise<IPLease[]> {
  const labelSelector = `${LABEL_APPLIANCE_UID}=${applianceUid}`;
  const { items } = await listAll(client, IP_LEASES, { labelSelector, signal });
  const age = ({ metadata }: IPLease) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  return items
    .filter(({ spec }) => spec.appliance.uid === applianceUid)
    .sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** Whether addresses of this pool (by uid) are assigned, read from the API server. */
export async function isPoolInUse(
  client: Pick<KubeClient, 'list'>,
  { metadata }: IPPool,
  signal: AbortSignal,
): Promise<boolean> {
  const labelSelector = `${LABEL_POOL_UID}=${uidOf({ metadata })}`;
  return (await client.list(IP_LEASES, { labelSelector, limit: 1, signal })).items.length > 0;
}

/**
 * Releases an address. Call it only when it is certain that no VM uses the address. After a crash between the two requests the
 * lease belongs to no appliance, and the controller of leases deletes it.
 */
export async function releaseLease(
  client: Pick<KubeClient, 'patch' | 'delete'>,
  lease: IPLease,
  signal: AbortSignal,
): Promise<void> {
  const freed = await removeFinalizer(client, IP_LEASES, lease, FINALIZER_IP_LEASE);
  if (freed === undefined || freed.metadata.deletionTimestamp !== undefined) return;
  const { name, uid } = freed.metadata;
  try {
    await client.delete(IP_LEASES, { name }, { preconditions: uid === undefined ? {} : { uid }, signal });
  } catch (error) {
    // It was released meanwhile, and another appliance has the address already.
    if (!isConflict(error)) throw error;
  }
}
