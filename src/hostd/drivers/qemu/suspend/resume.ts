import type { Clock } from '../../../../base/clock.ts';
import { HostError, hostErrors, messageOf } from '../../../errors/index.ts';
import type { CheckpointKey } from '../../checkpoints.ts';
import type { VmSpec } from '../../vm.ts';
import { differenceOf, keyOf } from '../checkpoint/key.ts';
import { noCapabilities, untilMigrated } from '../checkpoint/migration.ts';
import { STATE_URI, sendState } from '../checkpoint/state-stream.ts';
import { endVm } from '../end.ts';
import { letRun, withMonitor } from '../monitor.ts';
import { findVm, findVmOrOther } from '../processes.ts';
import {
  launchVm,
  reconnect,
  resume,
  type StartContext,
  secondRefused,
  surroundingsOf,
  untilMonitorAnswers,
} from '../start.ts';
import { type SavedMemory, savedMemoryOf } from './saved-memory.ts';

const monitorLimitMs = 10_000;

/**
 * Lets a suspended VM go on. Rejects with `ResumeFailed` when it cannot: it stays suspended. Killed at any moment before the VM runs, the
 * next call begins again; the memory is forgotten when all of it is in QEMU.
 */
export async function resumeVm(
  context: StartContext,
  vm: VmSpec,
  saved: SavedMemory,
  signal?: AbortSignal,
): Promise<void> {
  const { clock } = context;
  let found = await findVmOrOther(vm.uuid, vm.directory);
  if (found.vm !== undefined) {
    if (await resume(clock, vm, found.vm)) return reconnect(context, vm);
    found = await findVmOrOther(vm.uuid, vm.directory);
  }
  if (found.other !== undefined) throw secondRefused(vm, found.other);
  const hypervisor = await context.hypervisor();
  const surroundings = { ...(await surroundingsOf(context, vm, hypervisor)), suspended: true };
  const difference = differenceOf(ofSeries(saved.key), ofSeries(await keyOf(vm, hypervisor, surroundings)));
  if (difference !== undefined) throw hostErrors.resumeUnfit(vm.domain, difference);
  signal?.throwIfAborted();
  const ready = (until: AbortSignal) => load(clock, vm, saved, until);
  try {
    await launchVm(context, { vm, hypervisor, surroundings, ready }, signal);
  } catch (error) {
    const left = await findVm(vm.uuid, vm.directory);
    // Once it is forgotten, the memory is in QEMU alone: that stays, paused, for the next call.
    if (left !== undefined && (await savedMemoryOf(vm)) !== undefined) await endVm(clock, left);
    signal?.throwIfAborted();
    // What has nothing to do with the memory (a port that is taken, say) stays what it is.
    if (error instanceof HostError && error.reason !== 'VMStartFailed') throw error;
    throw hostErrors.resumeFailed(vm.domain, messageOf(error));
  }
}

/** A VM goes on under a newer QEMU of the same series, which changes nothing that a guest sees: hosts get those as security updates. */
function ofSeries({ QEMU = '', ...others }: CheckpointKey): CheckpointKey {
  return { ...others, QEMU: QEMU.split('.').slice(0, 2).join('.') };
}

async function load(
  clock: Clock,
  { directory }: VmSpec,
  { path }: SavedMemory,
  signal: AbortSignal,
): Promise<undefined> {
  await untilMonitorAnswers(clock, directory, monitorLimitMs, signal);
  await withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    await noCapabilities(qmp);
    await qmp.execute('migrate-incoming', { uri: STATE_URI });
  });
  await sendState(clock, directory, { path, start: 0 }, signal);
  await untilMigrated(clock, directory, signal);
  await withMonitor(clock, directory, monitorLimitMs, (qmp) => letRun(qmp, directory));
}
