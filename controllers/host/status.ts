import { type Condition, setCondition, setStanding } from '../../src/api/conditions.ts';
import type { Host } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { usedResources } from '../../src/domain/placement/usage.ts';
import { formatBytes, formatCpu } from '../../src/domain/quantity.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import type { Readiness } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import type { BoundAppliance } from '../objects/appliance.ts';
import { worded } from '../status/bounded-message.ts';
import type { Urgency } from '../status/write-debouncer.ts';

type HostStatus = NonNullable<Host['status']>;
type Amounts = { readonly cpuMillis: number; readonly memoryBytes: number; readonly diskBytes?: number };

/** What a host's status is made of. */
export interface HostFacts {
  readonly host: Host;
  readonly view: HostView | undefined;
  readonly readiness: Readiness;
  readonly bound: readonly BoundAppliance[];
  /** Appliances of the daemon that no VirtualAppliance stands for, as namespace/name (uuid). */
  readonly unclaimed: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** True: the daemon has appliances that the API knows nothing of. They are left alone until a person decides. */
export const CONDITION_UNCLAIMED = 'UnclaimedAppliances';

/** The whole status of a host. What is no longer known because the host is away stays as it was last seen. */
export function statusOf(facts: HostFacts): HostStatus {
  const { host, view, bound } = facts;
  const old = host.status ?? {};
  const promised = usedResources(
    undefined,
    bound.map(({ resources }) => resources),
  );
  return {
    ...old,
    ...(view?.status === undefined ? {} : reported(view.status)),
    ...(view?.status === undefined ? {} : { layers: layersOf(view) }),
    ...(view?.lastSeen === undefined ? {} : { lastSeenTime: new Date(view.lastSeen).toISOString() }),
    observedGeneration: host.metadata.generation,
    conditions: conditionsOf(facts),
    promised: amounts(promised),
    appliances: bound.length,
  };
}

/** How soon a difference between these two is worth a write. */
export function urgencyOf(old: HostStatus | undefined, next: HostStatus): Urgency {
  if (isSameJson(old, next)) return 'none';
  if (old === undefined || !isSameJson(decisive(old), decisive(next))) return 'now';
  return isSameJson(counted(old), counted(next)) ? 'later' : 'soon';
}

/** Messages carry measurements, too: they are news only with another status or reason. */
function decisive({ conditions, driver, capacity, daemonVersion, observedGeneration }: HostStatus): unknown {
  const standing = conditions?.map(({ type, status, reason }) => [type, status, reason]);
  return { standing, driver, capacity, daemonVersion, observedGeneration };
}

function counted({ appliances, promised, layers, foreignVms }: HostStatus): unknown {
  return { appliances, promised, layers, foreignVms };
}

function reported(status: NonNullable<HostView['status']>): Partial<HostStatus> {
  const { name, version, accelerator, acceleratorReason, capabilities } = status.driver;
  return {
    daemonVersion: status.daemonVersion.slice(0, 63),
    driver: {
      name,
      version: version.slice(0, 128),
      accelerator,
      acceleratorReason: acceleratorReason?.slice(0, 1024),
      capabilities: [...capabilities],
    },
    capacity: amounts(status.capacity),
    used: amounts(status.used),
    foreignVms: status.foreignVms.slice(0, 100).map((name) => name.slice(0, 253)),
  };
}

function amounts({ cpuMillis, memoryBytes, diskBytes }: Amounts): NonNullable<HostStatus['used']> {
  const disk = diskBytes === undefined ? {} : { disk: formatBytes(diskBytes) };
  return { cpu: formatCpu(Math.round(cpuMillis)), memory: formatBytes(memoryBytes), ...disk };
}

function layersOf(view: HostView): NonNullable<HostStatus['layers']> {
  return [...view.layers.values()]
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    .slice(0, 500)
    .map(layerOf);
}

function layerOf({ sha256, template, state, problem }: LayerStatus) {
  const message = problem === undefined ? {} : { message: problem.message.slice(0, 1024) };
  return { sha256, template: template.slice(0, 127), state, ...message };
}

function conditionsOf({ host, readiness, unclaimed, now }: HostFacts): Condition[] {
  const { generation } = host.metadata;
  const { reason, message } = worded(readiness);
  const state = readiness.status === 'True' ? 'ready' : 'reconciling';
  const standing = setStanding(host.status?.conditions, { state, reason, message }, generation, now);
  const ready = { type: 'Ready', status: readiness.status, reason, message, observedGeneration: generation };
  return setCondition(setCondition(standing, ready, now), unclaimedCondition(unclaimed, generation), now);
}

function unclaimedCondition(unclaimed: readonly string[], observedGeneration: number | undefined) {
  if (unclaimed.length === 0) {
    const message = 'every appliance of the daemon belongs to a VirtualAppliance';
    return {
      type: CONDITION_UNCLAIMED,
      status: 'False',
      reason: 'AllClaimed',
      message,
      observedGeneration,
    } as const;
  }
  const message =
    `the daemon runs ${unclaimed.length} appliance(s) that no VirtualAppliance stands for: ` +
    `${unclaimed.slice(0, 20).join(', ')}; they are left alone: delete them through the daemon if nobody needs them`;
  const reason = CONDITION_UNCLAIMED;
  return { type: CONDITION_UNCLAIMED, status: 'True', reason, message, observedGeneration } as const;
}
