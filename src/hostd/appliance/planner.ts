import type { Step } from './pass.ts';
import type { Scope } from './scope.ts';
import { configureStep, containerStep, installStep, packageStep, serviceStep } from './steps/guest.ts';
import { agentStep, startStep, stopStep } from './steps/machine.ts';
import { networkStep } from './steps/network.ts';
import { resizeStep } from './steps/size.ts';
import { diskStep, layersStep, portsStep } from './steps/storage.ts';
import { whileRunning } from './while-running.ts';

/** The steps that bring an appliance to its desired state, in their order. */
export function planSteps(scope: Scope): readonly Step[] {
  if (scope.desired.powerState === 'Stopped') return [stopStep(scope)];
  return [
    layersStep(scope),
    portsStep(scope),
    resizeStep(scope),
    diskStep(scope),
    startStep(scope),
    agentStep(scope),
    ...[networkStep, configureStep, containerStep, packageStep, installStep, serviceStep].map((step) =>
      whileRunning(scope, step(scope)),
    ),
  ];
}
