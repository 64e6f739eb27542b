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
