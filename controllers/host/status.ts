import {
  CONDITION_READY,
  CONDITION_UNCLAIMED,
  type Condition,
  findCondition,
  setCondition,
  setSummary,
} from '../../src/api/conditions.ts';
import type { Host } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { sumOf } from '../../src/domain/placement/usage.ts';
import { formatBytes, formatCpu } from '../../src/domain/quantity.ts';
import type { Readiness } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import type { BoundAppliance } from '../objects/appliance.ts';
import { hostStates } from '../obstacles/hosts.ts';
import { REASON } from '../obstacles/reasons.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';

type HostStatus = NonNullable<Host['status']>;
type Amounts = { readonly cpuMillis: number; readonly memoryBytes: number; readonly diskBytes?: number };

/** What a host's status is made of. */
export interface HostFacts {
  readonly host: Host;
  readonly view: HostView | undefined;
  readonly readiness: Readiness;
  readonly bound: readonly BoundAppliance[];
  /** Appliances of the daemon for which there is no VirtualAppliance, as namespace/name (uuid). */
  readonly unclaimed: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The Events of a host: its readiness changed, or it has appliances that the API does not know. */
export const HOST_EVENTS: readonly EventRule[] = [
  {
    condition: CONDITION_READY,
    eventType: ({ status, reason }) => {
      if (status === 'Unknown') return undefined;
      return reason === REASON.HostReady ? 'Normal' : 'Warning';
    },
  },
  {
    condition: CONDITION_UNCLAIMED,
    // The message lists the appliances.
    isMessageNews: true,
    eventType: ({ status }) => (status === 'True' ? 'Warning' : undefined),
  },
];

/** The whole status of a host. While the host does not answer, what it last reported stays in it. */
export function statusOf(facts: HostFacts): HostStatus {
  const { host, view, bound } = facts;
  const { usedByAppliances, ...old } = host.status ?? {};
  const promised = sumOf(bound.map(({ resources }) => resources));
  return {
    ...old,
    // An older daemon, after a newer one, does not tell.
    ...(view?.status === undefined ? { usedByAppliances } : reported(view.status)),
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
  return isSameJson(counted(old), counted(next)) && isSameJson(advice(old), advice(next)) ? 'later' : 'soon';
}

/** What a person should do about a host that cannot be used. */
function advice({ conditions }: HostStatus): string | undefined {
  const ready = findCondition(conditions, CONDITION_READY);
  return ready?.status === 'True' ? undefined : ready?.message;
}

/** Messages contain measurements, too, so a message alone is no reason to write at once. */
function decisive({ conditions, driver, capacity, daemonVersion, observedGeneration }: HostStatus): unknown {
  const verdicts = conditions?.map(({ type, status, reason }) => [type, status, reason]);
  return { verdicts, driver, capacity, daemonVersion, observedGeneration };
}

function counted({ appliances, promised, layers, foreignVms, sharedDirectory }: HostStatus): unknown {
  return { appliances, promised, layers, foreignVms, sharedDirectory };
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
    ...(status.vmUse === undefined ? {} : { usedByAppliances: amounts(sumOf(status.vmUse)) }),
    ...(status.sharedDirectory === undefined ? {} : { sharedDirectory: status.sharedDirectory.slice(0, 63) }),
    foreignVms: status.foreignVms.slice(0, 100).map((name) => name.slice(0, 253)),
  };
}

function amounts({ cpuMillis, memoryBytes, diskBytes }: Amounts): NonNullable<HostStatus['used']> {
  const disk = diskBytes === undefined ? {} : { disk: formatBytes(diskBytes) };
  return { cpu: formatCpu(Math.round(cpuMillis)), memory: formatBytes(memoryBytes), ...disk };
}

function layersOf(view: HostView): NonNullable<HostStatus['layers']> {
  return [...view.layers.values()]
    .sort((a, b) => (a.identity < b.identity ? -1 : 1))
    .slice(0, 500)
    .map(({ identity, kind, state, problem }) => ({
      identity,
      kind,
      state,
      ...(problem === undefined ? {} : { message: problem.message.slice(0, 1024) }),
    }));
}

function conditionsOf({ host, readiness, unclaimed, now }: HostFacts): Condition[] {
  const observedGeneration = host.metadata.generation;
  const { status, reason, message } = readiness;
  const state = status === 'True' ? 'ready' : 'reconciling';
  const summary = setSummary(host.status?.conditions, { state, reason, message }, observedGeneration, now);
  // Ready may be Unknown as well.
  const ready = { type: CONDITION_READY, status, reason, message, observedGeneration };
  const foreign = {
    type: CONDITION_UNCLAIMED,
    observedGeneration,
    ...(unclaimed.length === 0
      ? ({ status: 'False', ...hostStates.allClaimed() } as const)
      : ({ status: 'True', ...hostStates.unclaimed(host.metadata.name, unclaimed) } as const)),
  };
  return setCondition(setCondition(summary, ready, now), foreign, now);
}
