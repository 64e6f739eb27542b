import type { Condition, Summary } from '../../src/api/conditions.ts';
import type { ServiceDeployment } from '../../src/api/kinds.ts';
import type { Clock } from '../../src/base/clock.ts';
import { isTaskProgress, REASON } from '../obstacles/reasons.ts';
import { taskProgress } from '../obstacles/tasks.ts';

type Status = NonNullable<ServiceDeployment['status']>;
type Counts = Pick<
  Status,
  'observedGeneration' | 'wantedReplicas' | 'replicas' | 'savedReplicas' | 'services'
>;

/** Whether the task made progress since the earlier status: another spec, or an appliance more that exists, answers, is as declared or has its image. */
export function cameForward(old: Counts | undefined, next: Counts): boolean {
  if (old === undefined || old.observedGeneration !== next.observedGeneration) return true;
  if (distance(next) < distance(old)) return true;
  if ((next.savedReplicas ?? 0) > (old.savedReplicas ?? 0)) return true;
  const before = new Map(old.services?.map((service) => [service.name, service]));
  return (next.services ?? []).some(({ name, readyReplicas = 0, updatedReplicas = 0 }) => {
    const { readyReplicas: answered = 0, updatedReplicas: updated = 0 } = before.get(name) ?? {};
    return readyReplicas > answered || updatedReplicas > updated;
  });
}

/** How many appliances are missing, or too many. */
function distance({ wantedReplicas = 0, replicas = 0 }: Counts): number {
  return Math.abs(wantedReplicas - replicas);
}

/** The condition Progressing, without its type. @param silentMs without progress */
export function progressing(
  { state, reason, message }: Summary,
  silentMs: number,
  deadlineSeconds: number,
): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (state !== 'ready' && silentMs >= deadlineSeconds * 1000)
    return { status: 'False', ...taskProgress.deadlineExceeded(deadlineSeconds, message) };
  const isItsOwn = state === 'ready' || isTaskProgress(reason);
  return { status: 'True', reason: isItsOwn ? reason : REASON.Deploying, message };
}

/**
 * How long each task has made no progress, by the monotonic clock. After a restart it counts from the time in the task's
 * status.
 */
export class ProgressTimes {
  readonly #clock: Clock;
  /** By key of the task. */
  readonly #known = new Map<string, { readonly time: string; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * In milliseconds.
   * @param time of the last progress, RFC 3339
   */
  since(key: string, time: string): number {
    const now = this.#clock.monotonic();
    const known = this.#known.get(key);
    if (known?.time === time) return now - known.since;
    const isRestart = known === undefined;
    const agoMs = isRestart ? Math.max(0, this.#clock.now() - Date.parse(time)) : 0;
    this.#known.set(key, { time, since: now - agoMs });
    return agoMs;
  }

  /** The task is gone. */
  forget(key: string): void {
    this.#known.delete(key);
  }
}
