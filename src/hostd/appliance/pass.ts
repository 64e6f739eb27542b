import type { StepName } from '../../host/protocol.ts';

/**
 * One thing that has to be so before the next can be. Whether it is, is looked up where it is (on the host, in the
 * guest), never remembered: that is what makes a daemon killed at any moment go on correctly.
 */
export type Step = {
  readonly name: StepName;
  /** Looks; changes nothing. */
  isDone(signal: AbortSignal): Promise<boolean>;
  /** Makes it so. May be aborted, fail or be killed anywhere, and be run again. */
  run(signal: AbortSignal): Promise<void>;
  /** Milliseconds of `run` that were waiting for its turn: they are not of the step's own time, t_ij of Equation 1. */
  waitedMs?(): number;
};

/** What is told of a pass as it goes. */
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
