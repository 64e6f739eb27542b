import { HOSTS, IP_LEASES, type IPLease, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { containsJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { BY_APPLIANCE, BY_HOST, BY_UID } from '../indexes.ts';
import { leaseLabels, releaseLease } from '../objects/lease.ts';
import { leaseEvents } from '../obstacles/addresses.ts';
import type { Explanation } from '../obstacles/obstacle.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { warning } from '../status/occurrence.ts';

/** How soon the cache should have caught up with the API server. */
const CACHE_MS = 5000;
/** How often a host that may still have the VM is asked again, in case its event was lost. */
const RECHECK_MS = 60_000;

/**
 * Releases the addresses of appliances that are gone and did not release them: deleted by force, or with their finalizer removed.
 * It asks the API server whether the appliance is gone and the host whether the VM is: a cache might lag behind.
 */
export function createIPLeaseController(context: OperatorContext): ControllerDefinition {
  const { caches, views } = context;
  const namesOf = (index: string, value: string) =>
    caches.leases.byIndex(index, value).map(({ metadata }) => metadata.name);
  const reported = new Map<string, string>();
  return {
    name: 'iplease',
    concurrency: 4,
    sources: [
      sourceOf(caches.leases, ({ metadata }) => [metadata.name]),
      changesOf(caches.appliances, (old, current) =>
        current === undefined ? namesOf(BY_APPLIANCE, old?.metadata.uid ?? '') : [],
      ),
      changesOf(caches.hosts, (old, current) =>
        current === undefined ? namesOf(BY_HOST, old?.metadata.name ?? '') : [],
      ),
      viewsSource(views, ({ kind, host, ids }) => {
        if (kind === 'link') return namesOf(BY_HOST, host);
        const isUnknown = (uuid: string) => caches.appliances.byIndex(BY_UID, uuid).length === 0;
        return kind === 'appliance' ? ids.filter(isUnknown).flatMap((id) => namesOf(BY_APPLIANCE, id)) : [];
      }),
    ],
    reconcile: (name, signal) => reconcile(context, reported, name, signal),
  };
}

/** @param reported by name of the lease, the message of its last Event */
async function reconcile(
  context: OperatorContext,
  reported: Map<string, string>,
  name: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { caches, client, recorder, views } = context;
  const lease = caches.leases.get(name);
  if (lease === undefined) {
    reported.delete(name);
    return done;
  }
  const { namespace, name: applianceName, uid } = lease.spec.appliance;
  await putLabelsBack(context, lease, signal);
  if (caches.appliances.byIndex(BY_UID, uid).length > 0) return done;
  const appliance = await client.find(VIRTUAL_APPLIANCES, { namespace, name: applianceName }, { signal });
  if (appliance?.metadata.uid === uid) return waitFor('the cache to show the appliance', CACHE_MS);
  const held = await findHolder(context, lease, signal);
  if (held === undefined) {
    await releaseLease(client, lease, signal);
    return done;
  }
  // After a start the operator is still connecting to hosts: that is no news.
  const isConnecting = (views.get(lease.spec.hostName)?.link.state ?? 'connecting') === 'connecting';
  if (!isConnecting && reported.get(name) !== held.message) {
    reported.set(name, held.message);
    recorder.record(lease, warning(held));
  }
  return waitFor(held.message, RECHECK_MS);
}

/** A lease is what its spec says; its labels, by which the API server finds it, are put back when somebody overwrites them. */
async function putLabelsBack(
  { caches, client }: OperatorContext,
  { metadata, spec }: IPLease,
  signal: AbortSignal,
): Promise<void> {
  const labels = leaseLabels(spec.appliance.uid, caches.pools.get(keyOf(spec.pool))?.metadata.uid);
  if (metadata.deletionTimestamp !== undefined || containsJson(metadata.labels ?? {}, labels)) return;
  const { name, uid, resourceVersion } = metadata;
  await client.patch(IP_LEASES, { name }, { metadata: { uid, resourceVersion, labels } }, { signal });
}

/** Why a VM may still use the address; undefined when it is certain that none does. */
async function findHolder(
  { client, links, views }: OperatorContext,
  { spec }: IPLease,
  signal: AbortSignal,
): Promise<Explanation | undefined> {
  const { hostName } = spec;
  if ((await client.find(HOSTS, { name: hostName }, { signal })) === undefined) return undefined;
  const isConnected = views.get(hostName)?.link.state === 'connected';
  const daemon = isConnected ? links.client(hostName) : undefined;
  if (daemon === undefined) return leaseEvents.heldByUnreachableHost(keyOf(spec.appliance), hostName);
  const running = await callDaemon(daemon.listAppliances({ signal }));
  const isRunning = running.some(({ uuid }) => uuid === spec.appliance.uid);
  return isRunning ? leaseEvents.heldByVm(keyOf(spec.appliance), hostName) : undefined;
}
