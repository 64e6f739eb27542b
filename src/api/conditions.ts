/** One thing that is true of an object, or is not, or is not known: as every kind's status carries them. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase, one word; Events about it carry the same. */
  reason: string;
  message: string;
  /** The generation of the spec of which this speaks. */
  observedGeneration?: number;
  /** When `status` last changed, RFC 3339. */
  lastTransitionTime: string;
}

/** True: the object is what its spec asks for, and may be relied on. */
const CONDITION_READY = 'Ready';
/** True: it is being brought there; there is nothing for a person to do. */
const CONDITION_RECONCILING = 'Reconciling';
/** True: it cannot get there until a person changes something; the message says what. */
const CONDITION_STALLED = 'Stalled';

type Wanted = Omit<Condition, 'lastTransitionTime'>;

/**
 * The list with that condition in it. Its transition time moves only when its status does; the order of the others
 * stays, so that an unchanged list compares as equal. `now` is in milliseconds since the epoch.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Wanted,
  now: number,
): Condition[] {
  const list = conditions ?? [];
  const old = list.find((condition) => condition.type === wanted.type);
  const lastTransitionTime = old?.status === wanted.status ? old.lastTransitionTime : timestamp(now);
  const condition = { ...wanted, lastTransitionTime };
  return old === undefined
    ? [...list, condition]
    : list.map((present) => (present.type === wanted.type ? condition : present));
}

/** The condition of that type, if it was ever set. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is True, and speaks of `generation` when one is given. */
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

/** How an object stands as a whole, as kstatus (and with it Flux and `kubectl wait`) will read it. */
export interface Standing {
  readonly state: 'ready' | 'reconciling' | 'stalled';
  readonly reason: string;
  readonly message: string;
}

/** The list with Ready, Reconciling and Stalled set so that they say one and the same thing. */
export function setStanding(
  conditions: readonly Condition[] | undefined,
  { state, reason, message }: Standing,
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

/** As Kubernetes writes times: RFC 3339, whole seconds, UTC. */
function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
