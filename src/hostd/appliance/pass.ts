import type { StepName } from '../../host/protocol.ts';

/**
 * One step on the way to the desired state; the next step needs it. `isDone` inspects the host and the guest and remembers
 * nothing, so a daemon that was killed at any moment continues correctly.
 */
export type Step = {
  readonly name: StepName;
  /** Only inspects; changes nothing. */
  isDone(signal: AbortSignal): Promise<boolean>;
  /** Does the step. It may be aborted, fail or be killed at any point, and run again. */
  run(signal: AbortSignal): Promise<void>;
  /** After `run`: what a person should know although the step is done. */
  note?(): string | undefined;
  /** Milliseconds that `run` waited for its turn: they do not count as the step's own time, t_ij of Equation 1. */
  waitedMs?(): number;
};

/** Callbacks during a pass. */
export type PassObserver = {
  /** The step was done already. */
  found(step: Step): void;
  started(step: Step): void;
  finished(step: Step): Promise<void>;
  failed(step: Step, error: unknown): void;
};

/** Runs the steps once, in order; rejects with the error of the step that failed. */
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
