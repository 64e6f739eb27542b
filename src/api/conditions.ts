/** One fact about an object, which holds, does not hold, or is unknown. Every kind's status has a list of them. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase, one word; Events about it carry the same. */
  reason: string;
  message: string;
  /** The generation of the spec that the condition is about. */
  observedGeneration?: number;
  /** When `status` last changed, RFC 3339. */
  lastTransitionTime: string;
}

/** True: the object is what its spec asks for, and may be relied on. */
export const CONDITION_READY = 'Ready';
/** True: the operator or a host is working towards the spec; there is nothing for a person to do. */
export const CONDITION_RECONCILING = 'Reconciling';
/** True: the object cannot become what its spec asks for until a person changes something; the message says what. */
export const CONDITION_STALLED = 'Stalled';
/** On an appliance. True: its service answers, be it that of an earlier spec. Ready says whether it is as declared, too. */
export const CONDITION_AVAILABLE = 'Available';
/** On a task. False: it made no progress for `spec.progressDeadlineSeconds`. */
export const CONDITION_PROGRESSING = 'Progressing';
/** On a task of several services. True: it has spec.replicas, which is for tasks of one. */
export const CONDITION_REPLICAS_IGNORED = 'ReplicasIgnored';
/** On a task. True: what is to be recalled, is. It stays when the task is deployed again, and says what it starts from. */
export const CONDITION_RECALLED = 'Recalled';
/** On an appliance. True: it has a host. */
export const CONDITION_PLACED = 'Placed';
/** On a host. True: its daemon has appliances that the API does not know. Nothing is done to them until a person decides. */
export const CONDITION_UNCLAIMED = 'UnclaimedAppliances';
/** On a template. True: nothing uses it, and it is removed at the date in the message. Absent otherwise. */
export const CONDITION_EXPIRING = 'Expiring';
/** On a pool. True: other pools contain some of its addresses. The pools share those; no address is assigned twice. */
export const CONDITION_OVERLAPPING = 'Overlapping';

/** What the schemas of all kinds accept (crds/): the API server refuses a whole status with a longer message. */
const LONGEST_MESSAGE = 4096;
const REASON_PATTERN = /^[A-Za-z][A-Za-z0-9]{0,127}$/;
/** In place of a host's reason that does not match the pattern. */
const UNREADABLE_REASON = 'HostProblem';

type Wanted = Omit<Condition, 'lastTransitionTime'>;

/**
 * The list with that condition in it, within the limits of the API. Its transition time moves only when its status does; the
 * order of the others stays, so that an unchanged list compares as equal. `now` is in milliseconds since the epoch.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Wanted,
  now: number,
): Condition[] {
  const list = conditions ?? [];
  const old = list.find((condition) => condition.type === wanted.type);
  const lastTransitionTime = old?.status === wanted.status ? old.lastTransitionTime : timestamp(now);
  const { type, status, observedGeneration } = wanted;
  const generation = observedGeneration === undefined ? {} : { observedGeneration };
  const condition = { type, status, ...withinLimits(wanted), ...generation, lastTransitionTime };
  return old === undefined
    ? [...list, condition]
    : list.map((present) => (present.type === wanted.type ? condition : present));
}

/** Reasons and messages may come from hosts: a status that the API server refuses would show people nothing at all. */
function withinLimits({ reason, message }: Wanted): Pick<Condition, 'reason' | 'message'> {
  return {
    reason: REASON_PATTERN.test(reason) ? reason : UNREADABLE_REASON,
    message: message.slice(0, LONGEST_MESSAGE),
  };
}

/** The list without that condition. */
export function removeCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition[] | undefined {
  return conditions?.filter((condition) => condition.type !== type);
}

/** The condition of that type, if it was ever set. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is True, and, if `generation` is given, is about that generation. */
export function isConditionTrue(
  conditions: readonly Condition[] | undefined,
  type: string,
  generation?: number,
): boolean {
  const condition = findCondition(conditions, type);
  return (
    condition?.status === 'True' && (generation === undefined || condition.observedGeneration === generation)
  );
}

/** The state of an object as a whole, as kstatus (and with it Flux and `kubectl wait`) reads it. */
export interface Summary {
  readonly state: 'ready' | 'reconciling' | 'stalled';
  readonly reason: string;
  readonly message: string;
}

/** The list with Ready, Reconciling and Stalled set so that they agree with each other. */
export function setSummary(
  conditions: readonly Condition[] | undefined,
  { state, reason, message }: Summary,
  observedGeneration: number | undefined,
  now: number,
): Condition[] {
  const common = { reason, ...(observedGeneration === undefined ? {} : { observedGeneration }) };
  const statusWhen = (holds: boolean) => (holds ? ('True' as const) : ('False' as const));
  const isReconciling = state === 'reconciling';
  const isStalled = state === 'stalled';
  const wanted: Wanted[] = [
    { ...common, type: CONDITION_READY, status: statusWhen(state === 'ready'), message },
    {
      ...common,
      type: CONDITION_RECONCILING,
      status: statusWhen(isReconciling),
      message: isReconciling ? message : '',
    },
    { ...common, type: CONDITION_STALLED, status: statusWhen(isStalled), message: isStalled ? message : '' },
  ];
  return wanted.reduce<Condition[]>(
    (list, condition) => setCondition(list, condition, now),
    [...(conditions ?? [])],
  );
}

/** As Kubernetes writes times: RFC 3339, whole seconds, UTC. `now` is in milliseconds since the epoch. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
