import { type Clock, instant, sleep } from '../../../../base/clock.ts';
import { isRecord } from '../../../../base/json.ts';
import { hostErrors } from '../../../errors/index.ts';
import type { DiskToCapture, VmToCapture } from '../../captures.ts';
import type { Fork } from '../../checkpoints.ts';
import { beginJobs, jobNameOf } from '../backup-jobs.ts';
import { sendInBackground } from '../checkpoint/migration.ts';
import { letRun, readCondition, withMonitor } from '../monitor.ts';
import { type Qmp, QmpCommandError } from '../qmp.ts';
import { FORK_JOBS } from './tidy.ts';

const monitorLimitMs = 60_000;
const lookMs = 1;

/** Name of the job that copies a disk to `target`, and of its node. */
export function forkJobOf(target: string): string {
  return jobNameOf(FORK_JOBS, target);
}

/** Turns on what {@link takeMoment} needs. Rejects with `ForkUnavailable` when QEMU or the kernel does not have it for any
 * VM, with `CheckpointFailed` when it does not have it for the memory of this one. */
export async function prepareSnapshot(clock: Clock, vm: VmToCapture): Promise<void> {
  try {
    await withMonitor(clock, vm.directory, monitorLimitMs, sendInBackground);
  } catch (error) {
    if (!(error instanceof QmpCommandError)) throw error;
    if (/memory configuration/.test(error.message)) throw hostErrors.memoryNotWatched(vm.uuid, error.message);
    throw hostErrors.forkUnavailable(error.message);
  }
}

/**
 * The one pause: all disks' jobs begin, and QEMU takes the devices' state and begins to send it, with the memory of that moment, to `uri`.
 * Resolves when the source runs again, or, when it was paused before, when it may.
 */
export function takeMoment(
  clock: Clock,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
  { uri, wasPaused }: { readonly uri: string; readonly wasPaused: boolean },
): Promise<Fork> {
  return withMonitor(clock, vm.directory, monitorLimitMs, async (qmp) => {
    if (wasPaused) await leaveOlderMigration(qmp, vm.directory);
    const startMs = clock.monotonic();
    await qmp.execute('stop');
    const capturedAt = instant(clock.now());
    const { problem } = await readCondition(qmp);
    if (problem !== undefined) throw hostErrors.checkpointFailed(vm.uuid, problem.message);
    await beginJobs(qmp, disks, forkJobOf);
    await qmp.execute('migrate', { uri });
    while (!(await isTaken(qmp))) await sleep(clock, lookMs);
    if (wasPaused) await qmp.execute('stop');
    else if ((await readCondition(qmp)).state === 'Paused') await letRun(qmp, vm.directory);
    return { capturedAt, pauseMs: wasPaused ? 0 : clock.monotonic() - startMs };
  });
}

/** After a migration QEMU takes the state only of a VM that has run since: it runs for a moment. */
async function leaveOlderMigration(qmp: Qmp, directory: string): Promise<void> {
  const answer = await qmp.execute('query-status');
  if (isRecord(answer) && answer.status === 'postmigrate') await letRun(qmp, directory);
}

/**
 * Whether the devices' state is taken. QEMU 7.2 then lets the VM run by itself, even one that was paused; newer ones leave it as it was.
 * That a snapshot is `active` says nothing: it is so before the state is taken, and a VM that ran then would be ahead of its disks.
 */
async function isTaken(qmp: Qmp): Promise<boolean> {
  const { state } = await readCondition(qmp);
  if (state === 'Running') return true;
  const answer = await qmp.execute('query-migrate');
  const { status, ram, 'error-desc': why } = isRecord(answer) ? answer : {};
  if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU says: ${why ?? status}`);
  const pages = isRecord(ram) ? Number(ram.normal) + Number(ram.duplicate) : 0;
  return status === 'completed' || pages > 0;
}
