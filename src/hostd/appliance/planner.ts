import { planBuild } from './build/plan.ts';
import type { Step } from './pass.ts';
import type { Scope } from './scope.ts';
import { cloneStep } from './steps/checkpoint.ts';
import { cloudInitStep } from './steps/cloud-init.ts';
import { growStep } from './steps/grow.ts';
import { configureStep, containerStep, installStep, packageStep, serviceStep } from './steps/guest.ts';
import { identityStep } from './steps/identity.ts';
import { agentStep, startStep } from './steps/machine.ts';
import { networkStep } from './steps/network.ts';
import { seedStep } from './steps/seed.ts';
import { resizeStep } from './steps/size.ts';
import { stopStep } from './steps/stop.ts';
import { diskStep, layersStep, portsStep } from './steps/storage.ts';
import { clockStep, suspendStep } from './steps/suspend.ts';
import { whileRunning } from './while-running.ts';

/** The steps that bring an appliance to its desired state, in their order. */
export function planSteps(scope: Scope): readonly Step[] {
  if (scope.desired.powerState === 'Stopped') return [stopStep(scope)];
  if (scope.desired.powerState === 'Suspended') return [suspendStep(scope)];
  if (scope.desired.build !== undefined) return planBuild(scope);
  const { sizeBytes } = scope.desired.disk;
  const { cloudInit } = scope.desired;
  const seed = cloudInit === undefined ? [] : [seedStep(scope, cloudInit)];
  const setUp = cloudInit === undefined ? [] : [cloudInitStep(scope)];
  const { checkpoint } = scope.desired;
  const clone = checkpoint === undefined ? [] : [whileRunning(scope, cloneStep(scope, checkpoint))];
  // One that boots from the disk of a checkpoint has the identity of the machine that was saved.
  const isOther = scope.desired.machine?.kind === 'other' || checkpoint !== undefined;
  const identity = isOther ? [identityStep(scope)] : [];
  const clock = scope.record.current.suspended === true ? [clockStep(scope)] : [];
  const grow = sizeBytes === undefined ? [] : [growStep(scope, sizeBytes)];
  const services = [configureStep, containerStep, packageStep, installStep, serviceStep];
  return [
    layersStep(scope),
    portsStep(scope),
    resizeStep(scope),
    diskStep(scope),
    ...seed,
    startStep(scope),
    ...clone,
    agentStep(scope),
    ...[
      ...clock,
      networkStep(scope),
      ...setUp,
      ...identity,
      ...grow,
      ...services.map((step) => step(scope)),
    ].map((step) => whileRunning(scope, step)),
  ];
}
