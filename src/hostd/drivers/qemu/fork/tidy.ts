import { rm } from 'node:fs/promises';
import { type Clock, sleep } from '../../../../base/clock.ts';
import { isRecord } from '../../../../base/json.ts';
import type { VmToCapture } from '../../captures.ts';
import { closeNodes, endJobs } from '../backup-jobs.ts';
import { noCapabilities } from '../checkpoint/migration.ts';
import { endVm } from '../end.ts';
import { letRun, readCondition, withMonitor } from '../monitor.ts';
import { findVm } from '../processes.ts';
import type { Qmp } from '../qmp.ts';
import { readNote, removeNote } from './note.ts';

const monitorLimitMs = 10_000;
const lookMs = 10;
/** A gibibyte that is in use takes some seconds. */
const snapshotLimitMs = 120_000;

/** The names of a fork's jobs in QEMU begin so. */
export const FORK_JOBS = 'fork-';

/**
 * Ends what is left of a fork, at its end or after it failed: the source is as before, and what was written under no final name is
 * removed. A source that the fork paused runs on first of all. Does nothing when there is no note of one.
 */
export async function tidyFork(clock: Clock, vm: VmToCapture): Promise<void> {
  const note = await readNote(vm.directory);
  if (note === undefined) return;
  if ((await findVm(vm.uuid, vm.directory)) !== undefined) await restoreSource(clock, vm, note.wasPaused);
  const filler = await findVm(vm.uuid, note.partial);
  if (filler !== undefined) await endVm(clock, filler);
  await rm(note.partial, { recursive: true, force: true });
  await removeNote(vm.directory);
}

async function restoreSource(clock: Clock, vm: VmToCapture, wasPaused: boolean): Promise<void> {
  const ask: Ask = (use) => withMonitor(clock, vm.directory, monitorLimitMs, use);
  if (!wasPaused) await ask((qmp) => runUnlessInTrouble(qmp, vm.directory));
  await endSnapshot(clock, ask);
  const isOwn = (name: string) => name.startsWith(FORK_JOBS);
  const hadJobs = await endJobs(clock, vm.directory, isOwn);
  await ask(async (qmp) => {
    await closeNodes(qmp, isOwn);
    await noCapabilities(qmp);
    if (wasPaused) await qmp.execute('stop');
    // A copy that found no room fails the guest's writes, which pauses the VM; it pauses again if the disk is its own.
    else if (hadJobs && (await readCondition(qmp)).isEmpty !== true) await qmp.execute('cont');
    else await runUnlessInTrouble(qmp, vm.directory);
  });
}

type Ask = <T>(use: (qmp: Qmp) => Promise<T>) => Promise<T>;

/**
 * Lets QEMU send the rest, which the relay takes: to cancel may hang a QEMU whose guest runs. One that does not get to its end is cancelled
 * while its guest stands still.
 */
async function endSnapshot(clock: Clock, ask: Ask): Promise<void> {
  const until = clock.monotonic() + snapshotLimitMs;
  while (await ask(isMigrating)) {
    if (clock.monotonic() >= until)
      await ask(async (qmp) => {
        await qmp.execute('stop');
        await qmp.execute('migrate_cancel');
      });
    await sleep(clock, lookMs);
  }
}

/** A VM that is paused because of its disk is not one that a fork has paused. */
async function runUnlessInTrouble(qmp: Qmp, directory: string): Promise<void> {
  const { state, problem, isEmpty } = await readCondition(qmp);
  if (state === 'Paused' && problem === undefined && isEmpty !== true) await letRun(qmp, directory);
}

async function isMigrating(qmp: Qmp): Promise<boolean> {
  const answer = await qmp.execute('query-migrate');
  const status = isRecord(answer) ? answer.status : undefined;
  return ['setup', 'active', 'device', 'cancelling', 'wait-unplug'].includes(String(status));
}
