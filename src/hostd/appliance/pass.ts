import type { StepName } from '../../host/protocol.ts';

/**
 * One thing that has to be done before the next can be. Whether it is done is looked up on the host and in the guest, and
 * never remembered: so a daemon that was killed at any moment continues correctly.
 */
export type Step = {
  readonly name: StepName;
  /** Looks; changes nothing. */
  isDone(signal: AbortSignal): Promise<boolean>;
  /** Does it. May be aborted, fail or be killed at any point, and be run again. */
  run(signal: AbortSignal): Promise<void>;
  /** Milliseconds that `run` waited for its turn: they do not count as the step's own time, t_ij of Equation 1. */
  waitedMs?(): number;
};

/** Is called as a pass goes on. */
export type PassObserver = {
  /** The step was done already. */
  found(step: Step): void;
  started(step: Step): void;
  finished(step: Step): Promise<void>;
  failed(step: Step, error: unknown): void;
};

/** Walks the steps once, from the first; rejects with the error of the one that failed. */
export async function pass(
  steps: readonly Step[],
  observer: PassObserver,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    try {
      signal.throwIfAborted();
      if (await step.isDone(signal)) {
        observer.found(step);
        continue;
      }
      observer.started(step);
      await step.run(signal);
      await observer.finished(step);
    } catch (error) {
      if (!signal.aborted) observer.failed(step, error);
      throw error;
    }
  }
}
