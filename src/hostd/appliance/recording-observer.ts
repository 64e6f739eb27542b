import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { type HostError, toHostError } from '../errors/index.ts';
import type { RecordKeeper } from '../state/record-keeper.ts';
import type { PassObserver, Step } from './pass.ts';
import { stepFailed, stepFinished, stepFound, stepStarted } from './progress.ts';

/** Keeps the record of an appliance while a pass goes over its steps, and tells of what changed. */
export function recordingObserver(options: {
  readonly record: RecordKeeper;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lookAtVm: () => Promise<void>;
  readonly onChange: () => void;
  readonly onFailure: (step: Step, error: HostError) => void;
}): PassObserver {
  const { record, clock, log, lookAtVm, onChange, onFailure } = options;
  return {
    found: ({ name }) => record.update(stepFound(record.current, name, clock)),
    started: ({ name }) => {
      record.update(stepStarted(record.current, name, clock));
      onChange();
    },
    finished: async (step) => {
      const { name } = step;
      record.update(stepFinished(record.current, name, clock, step.waitedMs?.()));
      // These change what there is of the VM: told together, so that nobody sees the one without the other.
      if (name === 'Start' || name === 'Stop') await lookAtVm();
      onChange();
    },
    failed: (step, thrown) => {
      const error = toHostError(thrown);
      record.update(stepFailed(record.current, step.name, error, clock));
      log.warn({ step: step.name, reason: error.reason, err: thrown }, 'a step failed');
      onFailure(step, error);
    },
  };
}
