import { hostErrors } from '../../errors/index.ts';
import { readInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import { powerOff } from '../power-off.ts';
import type { Scope } from '../scope.ts';
import { BuildLog } from './log.ts';
import { buildOf, buildRecordOf, remember, titleOf } from './progress.ts';

/**
 * The guest is powered off, and the steps after this one start it again: as every hypervisor can. Which boot ends is on disk before.
 * @param index of the step, from 0
 */
export function rebootStep(scope: Scope, index: number): Step {
  const { host, directory, record } = scope;
  return {
    name: 'Build',
    isDone: async () => buildRecordOf(record.current).next > index || isOver(scope),
    run: async (signal) => {
      const { bootId } = await readInstalled(scope, signal);
      const { restart } = buildRecordOf(record.current);
      // Another daemon powered it off, and this one has started it.
      if (restart !== undefined && restart.bootId !== bootId) return remember(scope, { next: index + 1 });
      await new BuildLog(directory.buildLogPath).tell(`${titleOf(index, buildOf(scope))}: reboot`);
      await remember(scope, { restart: { bootId } });
      await powerOff(host.driver, directory, { timeoutMs: host.pace.shutdownMs, log: host.log, signal });
      scope.installed = undefined;
      await remember(scope, { next: index + 1 });
    },
  };
}

/** Steps of the build are not looked at any more. */
export function isOver({ record }: Scope): boolean {
  return buildRecordOf(record.current).phase !== 'Building';
}

/**
 * The guest is in the boot in which the build left it, or in the one after a step `reboot`. From then on a VM that ends spoils its disk,
 * and so does a guest that starts again by itself: nobody knows what it was doing. Rejects with `BuildStepLost`.
 */
export async function requireBoot(scope: Scope, index: number, signal: AbortSignal): Promise<void> {
  scope.installed = undefined;
  const { bootId } = await readInstalled(scope, signal);
  const { restart, bootId: known } = buildRecordOf(scope.record.current);
  if (restart !== undefined && bootId !== restart.bootId)
    return remember(scope, { restart: undefined, bootId });
  if (known === undefined) return remember(scope, { bootId });
  if (known !== bootId) await giveUpDisk(scope, index);
}

/** Ends the VM, whose disk is then not used any more. Rejects with `BuildStepLost`. */
export async function giveUpDisk(scope: Scope, index: number): Promise<never> {
  const { host, desired, directory } = scope;
  await new BuildLog(directory.buildLogPath).tell('nobody knows how the step ended: the VM is ended');
  await host.driver.destroy(desired.uuid, directory.path);
  throw hostErrors.buildStepLost(titleOf(index, buildOf(scope)));
}
