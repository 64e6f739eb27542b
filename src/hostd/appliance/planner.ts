import type { Scope } from './scope.ts';
import type { Step } from './step.ts';
import { configureStep, containerStep, installStep, packageStep, serviceStep } from './steps/guest.ts';
import { agentStep, startStep, stopStep } from './steps/machine.ts';
import { networkStep } from './steps/network.ts';
import { diskStep, layersStep, portsStep } from './steps/storage.ts';
import { whileRunning } from './while-running.ts';

/** What has to be so, in this order, for an appliance to be as it is desired. */
export function planSteps(scope: Scope): readonly Step[] {
  if (scope.desired.powerState === 'Stopped') return [stopStep(scope)];
  return [
    layersStep(scope),
    portsStep(scope),
    diskStep(scope),
    startStep(scope),
    agentStep(scope),
    ...[networkStep, configureStep, containerStep, packageStep, installStep, serviceStep].map((step) =>
      whileRunning(scope, step(scope)),
    ),
  ];
}

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
