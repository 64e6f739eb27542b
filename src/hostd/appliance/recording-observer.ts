import type { Logger } from 'pino';
import { type HostError, toHostError } from '../errors/index.ts';
import type { RecordKeeper } from '../state/record-keeper.ts';
import type { PassObserver, Step } from './pass.ts';
import { ENDS_VM, type StepTimer, stepFailed, stepFinished, stepFound, stepStarted } from './progress.ts';

/** Records what a pass over an appliance's steps does, and reports what changed. */
export function recordingObserver(options: {
  readonly record: RecordKeeper;
  readonly timer: StepTimer;
  readonly log: Logger;
  readonly lookAtVm: () => Promise<void>;
  readonly onChange: () => void;
  readonly onFailure: (step: Step, error: HostError) => void;
}): PassObserver {
  const { record, timer, log, lookAtVm, onChange, onFailure } = options;
  return {
    found: ({ name }) => record.update(stepFound(record.current, name, timer.time(name))),
    started: ({ name }) => {
      timer.start(name);
      record.update(stepStarted(record.current, name, timer.time(name).at));
      onChange();
    },
    finished: async (step) => {
      const { name } = step;
      const [seconds, waitedMs, note] = [timer.seconds(name), step.waitedMs?.(), step.note?.()];
      record.update(stepFinished(record.current, name, seconds, waitedMs, note));
      // These steps change the VM itself. Both are published together, so that nobody sees the one without the other.
      if (ENDS_VM.has(name)) await lookAtVm();
      onChange();
    },
    failed: (step, thrown) => {
      const error = toHostError(thrown);
      record.update(stepFailed(record.current, step.name, error, timer.time(step.name)));
      log.warn({ step: step.name, reason: error.reason, err: thrown }, 'a step failed');
      onFailure(step, error);
    },
  };
}
