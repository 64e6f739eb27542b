import { TransientError } from '../../src/kube/controller/errors.ts';
import { obstacleOf } from '../obstacles/obstacle.ts';
import { assignAddress } from './assign-address.ts';
import { checkAbilities, checkHost, checkNetwork } from './check-host.ts';
import { checkLayers } from './check-layers.ts';
import { checkRoom } from './check-room.ts';
import { chooseStart } from './choose-start.ts';
import { describeVm } from './describe-vm.ts';
import { fetchLayers } from './fetch-layers.ts';
import { findBuild } from './find-build.ts';
import { findPackage } from './find-package.ts';
import { findTemplate } from './find-template.ts';
import { blocked, type Phase, type PhaseResult, phaseDone, type Scope } from './scope.ts';
import { sendToHost } from './send-to-host.ts';

/** From a bound appliance to a VM, in this order. An appliance that runs already keeps running while a phase is blocked. */
const PHASES: readonly Phase[] = [
  checkHost,
  checkNetwork,
  findTemplate,
  checkAbilities,
  chooseStart,
  fetchLayers,
  findPackage,
  findBuild,
  assignAddress,
  describeVm,
  checkRoom,
  sendToHost,
  checkLayers,
];

/** Runs the phases until one is not done; killed in between, the next reconcile starts again with the first. */
export async function runPhases(scope: Scope, phases: readonly Phase[] = PHASES): Promise<PhaseResult> {
  for (const phase of phases) {
    const result = await attempt(phase, scope);
    if (result.type !== 'done') return result;
  }
  return phaseDone;
}

/** The one place that turns a phase's error into its result. An unforeseen error is passed on. */
async function attempt(phase: Phase, scope: Scope): Promise<PhaseResult> {
  try {
    return await phase(scope);
  } catch (error) {
    const obstacle = obstacleOf(error);
    if (error instanceof TransientError) return { type: 'retry', error, obstacle };
    if (obstacle !== undefined) return blocked(obstacle);
    throw error;
  }
}
