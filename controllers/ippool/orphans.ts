import { HOSTS, type IPLease, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { asking } from '../daemons/daemon-errors.ts';
import { BY_APPLIANCE, BY_HOST, BY_UID } from '../indexes.ts';
import { giveBack } from '../objects/lease.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';

/** How soon a cache is expected to have caught up. */
const CACHE_MS = 5000;
/** A host that may still have the VM is asked again so often, should its word have got lost. */
const RECHECK_MS = 60_000;

/**
 * Gives back the addresses of appliances that are gone without having done so: deleted by force, or with their finalizer taken
 * away. That the appliance is gone, and its VM too, is asked of the API server and of the host, never read off a cache.
 */
export function createIPLeaseController(context: OperatorContext): ControllerDefinition {
  const { caches, views } = context;
  const namesOf = (index: string, value: string) =>
    caches.leases.byIndex(index, value).map(({ metadata }) => metadata.name);
  const told = new Map<string, string>();
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
    reconcile: (name, signal) => reconcile(context, told, name, signal),
  };
}

/** @param told by name of the lease, what people were last told about it */
async function reconcile(
  context: OperatorContext,
  told: Map<string, string>,
  name: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { caches, client, recorder, views } = context;
  const lease = caches.leases.get(name);
  if (lease === undefined) {
    told.delete(name);
    return done;
  }
  const { namespace, name: applianceName, uid } = lease.spec.appliance;
  if (caches.appliances.byIndex(BY_UID, uid).length > 0) return done;
  const appliance = await client.find(VIRTUAL_APPLIANCES, { namespace, name: applianceName }, { signal });
  if (appliance?.metadata.uid === uid) return waitFor('the cache to show the appliance', CACHE_MS);
  const holder = await possibleHolder(context, lease, signal);
  if (holder === undefined) {
    await giveBack(client, lease, signal);
    return done;
  }
  // A host that is about to be connected to, after a start, is nothing to tell people of.
  const isConnecting = (views.get(lease.spec.hostName)?.link.state ?? 'connecting') === 'connecting';
  if (!isConnecting && told.get(name) !== holder) {
    told.set(name, holder);
    const message = `appliance ${namespace}/${applianceName} is gone, but ${holder}: the address stays taken`;
    recorder.record(lease, { type: 'Warning', reason: 'AddressHeld', message });
  }
  return waitFor(holder, RECHECK_MS);
}

/** Why the VM may still be there with the address, in words; undefined when it is known not to be. */
async function possibleHolder(
  { client, links, views }: OperatorContext,
  { spec }: IPLease,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { hostName } = spec;
  if ((await client.find(HOSTS, { name: hostName }, { signal })) === undefined) return undefined;
  const isConnected = views.get(hostName)?.link.state === 'connected';
  const daemon = isConnected ? links.client(hostName) : undefined;
  if (daemon === undefined)
    return `host ${hostName} does not answer and may still run its VM; unregister the host if it never comes back`;
  const running = await asking(daemon.listAppliances({ signal }));
  if (!running.some(({ uuid }) => uuid === spec.appliance.uid)) return undefined;
  return `host ${hostName} still has its VM; have the daemon delete it if nobody needs it`;
}
