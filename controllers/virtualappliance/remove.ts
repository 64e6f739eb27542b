import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_APPLIANCE } from '../../src/api/labels.ts';
import { removeFinalizer } from '../../src/kube/client/finalizer.ts';
import type { OperatorContext } from '../context.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { asking } from '../daemons/daemon-errors.ts';
import { networkMode, uidOf } from '../objects/appliance.ts';
import { giveBack, leasesOf } from '../objects/lease.ts';
import type { Obstacle } from './conditions.ts';

/**
 * With the value "true" on an appliance that is being deleted: its host will never come back, so do not wait until it has
 * taken the VM and its disk away.
 */
const ANNOTATION_FORCE_DELETE = 'coppice.dev/force-delete';

/** How the deletion of an appliance stands. */
export type Removal = { readonly type: 'gone' } | { readonly type: 'waiting'; readonly obstacle: Obstacle };

/**
 * Has the VM and its disk taken away, then gives its address back and lets the object go. The finalizer is removed only after
 * the host said that it has nothing of it left: killed at any point before, the next reconcile asks again. Of an appliance that
 * is deleted by force the address stays taken until its host answers, or is not registered any more.
 */
export async function remove(
  context: OperatorContext,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<Removal> {
  const { hostName } = appliance.spec;
  // A binding that is under way cannot succeed any more: deletion changed the version that it names.
  if (hostName === undefined) return await release(context, appliance);
  const daemon = connectedDaemon(context, hostName);
  if (daemon !== undefined) return await removeFromHost(context, appliance, daemon, signal);
  if (appliance.metadata.annotations?.[ANNOTATION_FORCE_DELETE] !== 'true')
    return waiting(absenceOf(context, hostName));
  const message = `deleted without host ${hostName}, as ${ANNOTATION_FORCE_DELETE} asks: what it had of it may be left there`;
  context.recorder.record(appliance, { type: 'Warning', reason: 'ForceDeleted', message });
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
  const left = await asking(daemon.deleteAppliance(uuid, { signal }));
  if (left !== undefined) {
    const reason = left.problem?.reason ?? 'Deleting';
    const message = left.problem?.message ?? `host ${hostName} is taking the VM and its disk away`;
    return waiting({ reason, message, isStalled: false });
  }
  context.views.dropAppliance(hostName, uuid);
  await giveAddressesBack(context, appliance, signal);
  return await release(context, appliance);
}

/** As the API server has them now: a cache may not show the one that was given last. */
async function giveAddressesBack(
  { client }: OperatorContext,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<void> {
  if (networkMode(appliance.spec.network) === 'User') return;
  for (const lease of await leasesOf(client, uidOf(appliance), signal)) await giveBack(client, lease, signal);
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
  const hint = `if it never comes back, set the annotation ${ANNOTATION_FORCE_DELETE}: "true" to delete without it`;
  if (caches.hosts.get(hostName) === undefined) {
    const message = `host ${hostName} is not registered, so nobody can take the VM away: register it again; ${hint}`;
    return { reason: 'HostNotFound', message, isStalled: false };
  }
  const message = `host ${hostName} does not answer; the VM is taken away when it does; ${hint}`;
  return { reason: 'HostUnreachable', message, isStalled: false };
}

function waiting(obstacle: Obstacle): Removal {
  return { type: 'waiting', obstacle };
}
