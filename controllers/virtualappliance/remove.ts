import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { ANNOTATION_FORCE_DELETE, FINALIZER_APPLIANCE } from '../../src/api/labels.ts';
import { removeFinalizer } from '../../src/kube/client/finalizer.ts';
import type { OperatorContext } from '../context.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { networkMode, uidOf } from '../objects/appliance.ts';
import { leasesOf, releaseLease } from '../objects/lease.ts';
import { applianceEvents, applianceObstacles } from '../obstacles/appliances.ts';
import { hostObstacles } from '../obstacles/hosts.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { warning } from '../status/occurrence.ts';

/** How far the deletion of an appliance is. */
export type Removal = { readonly type: 'gone' } | { readonly type: 'waiting'; readonly obstacle: Obstacle };

/**
 * Has the host delete the VM and its disk, then releases the address, then removes the finalizer. The finalizer is removed only
 * after the host confirmed that nothing is left: after a crash at any earlier point the next reconcile asks the host again. The
 * address of an appliance that is deleted by force stays assigned until its host answers, or is no longer registered.
 */
export async function remove(
  context: OperatorContext,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<Removal> {
  const { hostName } = appliance.spec;
  // A binding under way cannot succeed any more: deletion changed the generation that it names.
  if (hostName === undefined) return await release(context, appliance);
  const daemon = connectedDaemon(context, hostName);
  if (daemon !== undefined) return await removeFromHost(context, appliance, daemon, signal);
  if (appliance.metadata.annotations?.[ANNOTATION_FORCE_DELETE] !== 'true')
    return waiting(absenceOf(context, hostName));
  context.recorder.record(appliance, warning(applianceEvents.forceDeleted(hostName)));
  return await release(context, appliance);
}

async function removeFromHost(
  context: OperatorContext,
  appliance: VirtualAppliance,
  daemon: Daemon,
  signal: AbortSignal,
): Promise<Removal> {
  const { hostName = '' } = appliance.spec;
  const uuid = uidOf(appliance);
  const left = await callDaemon(daemon.deleteAppliance(uuid, { signal }));
  if (left?.problem !== undefined)
    return waiting(hostObstacles.daemonProblem(left.problem.reason, left.problem.message));
  if (left !== undefined) return waiting(applianceObstacles.deleting(hostName));
  context.views.dropAppliance(hostName, uuid);
  await releaseAddresses(context, appliance, signal);
  return await release(context, appliance);
}

/** Reads the leases from the API server: the cache may not show the newest one. */
async function releaseAddresses(
  { client }: OperatorContext,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<void> {
  if (networkMode(appliance.spec.network) === 'User') return;
  for (const lease of await leasesOf(client, uidOf(appliance), signal))
    await releaseLease(client, lease, signal);
}

async function release({ client }: OperatorContext, appliance: VirtualAppliance): Promise<Removal> {
  await removeFinalizer(client, VIRTUAL_APPLIANCES, appliance, FINALIZER_APPLIANCE);
  return { type: 'gone' };
}

function connectedDaemon({ links, views }: OperatorContext, hostName: string): Daemon | undefined {
  return views.get(hostName)?.link.state === 'connected' ? links.client(hostName) : undefined;
}

/** Why the host cannot be asked. */
function absenceOf({ caches }: OperatorContext, hostName: string): Obstacle {
  return caches.hosts.get(hostName) === undefined
    ? applianceObstacles.removalWithoutHost(hostName)
    : applianceObstacles.removalUnreachable(hostName);
}

function waiting(obstacle: Obstacle): Removal {
  return { type: 'waiting', obstacle };
}
