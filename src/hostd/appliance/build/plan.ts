import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';
import { cloudInitStep } from '../steps/cloud-init.ts';
import { growStep } from '../steps/grow.ts';
import { agentStep, startStep } from '../steps/machine.ts';
import { networkStep } from '../steps/network.ts';
import { seedStep } from '../steps/seed.ts';
import { layersStep, portsStep } from '../steps/storage.ts';
import { whileRunning } from '../while-running.ts';
import { cleanStep, freshDiskStep, offStep } from './disk.ts';
import { failedStep } from './failure.ts';
import { buildOf, buildRecordOf } from './progress.ts';
import { rebootStep } from './reboot.ts';
import { workStep } from './work.ts';

/**
 * The steps of an appliance that builds a template. A VM that has ended, other than by a reboot that the build wants, takes its disk
 * with it: the build begins again.
 */
export function planBuild(scope: Scope): readonly Step[] {
  const { phase } = buildRecordOf(scope.record.current);
  switch (phase) {
    case 'Failed':
      return [failedStep(scope)];
    case 'Stopping':
    case 'Built':
      return [offStep(scope)];
    case 'Cleaning':
    case 'Building':
      return [...prepared(scope), ...worked(scope), whileRunning(scope, cleanStep(scope)), offStep(scope)];
  }
}

function prepared(scope: Scope): readonly Step[] {
  const { cloudInit } = scope.desired;
  const seed = cloudInit === undefined ? [] : [seedStep(scope, cloudInit)];
  return [layersStep(scope), portsStep(scope), freshDiskStep(scope), ...seed, ...up(scope)];
}

/** The guest is up, and does what it does by itself at its boot. */
function up(scope: Scope): readonly Step[] {
  const { cloudInit, disk } = scope.desired;
  const setUp = cloudInit === undefined ? [] : [cloudInitStep(scope)];
  const grow = disk.sizeBytes === undefined ? [] : [growStep(scope, disk.sizeBytes)];
  const inGuest = [networkStep(scope), ...setUp, ...grow].map((step) => whileRunning(scope, step));
  return [startStep(scope), agentStep(scope), ...inGuest];
}

function worked(scope: Scope): readonly Step[] {
  return buildOf(scope).steps.flatMap((step, index) =>
    step.kind === 'reboot'
      ? [rebootStep(scope, index), ...up(scope)]
      : [whileRunning(scope, workStep(scope, step, index))],
  );
}
