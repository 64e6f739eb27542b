import type { Clock } from '../../../../base/clock.ts';
import { HostError, hostErrors, messageOf, toHostError } from '../../../errors/index.ts';
import { syncFile } from '../../../files/durable-files.ts';
import type { VmToCapture } from '../../captures.ts';
import type { SaveOptions } from '../../checkpoints.ts';
import { noCapabilities, sendFast, untilMigrated } from '../checkpoint/migration.ts';
import { ensureRuns, goOn } from '../checkpoint/pause.ts';
import { receiveState, STATE_URI } from '../checkpoint/state-stream.ts';
import { readConfiguration, readSaveable, type Saveable } from '../configuration.ts';
import { endVm } from '../end.ts';
import { withMonitor } from '../monitor.ts';
import { findVm } from '../processes.ts';
import { forgetMemory, memoryPathIn, noteSaved, savedMemoryOf } from './saved-memory.ts';

const monitorLimitMs = 10_000;
const never = new AbortController().signal;

/** See {@link Suspensions.suspend}. */
export async function suspendVm(clock: Clock, vm: VmToCapture, options: SaveOptions = {}): Promise<void> {
  const running = await findVm(vm.uuid, vm.directory);
  const isSaved = (await savedMemoryOf(vm)) !== undefined;
  // What is saved is forgotten before a VM runs: this one is as it was saved, by a daemon that was killed before it ended it.
  if (isSaved) return running === undefined ? undefined : await endVm(clock, running);
  if (running === undefined) throw hostErrors.suspendFailed(vm.uuid, 'the VM does not run');
  const { key, disks } = await saveableOf(vm);
  options.signal?.throwIfAborted();
  try {
    await ensureRuns(clock, vm, hostErrors.suspendFailed);
    await withMonitor(clock, vm.directory, monitorLimitMs, (qmp) => qmp.execute('stop'));
    await write(clock, vm, options);
    // After a loss of power the disks must hold all that the guest wrote before its memory was saved.
    for (const { path } of Object.values(disks)) await syncFile(path);
    await noteSaved(vm, key);
  } catch (error) {
    await goOn(clock, vm).catch((stuck: unknown) => {
      throw hostErrors.suspendFailed(
        vm.uuid,
        `${messageOf(error)}; and it stays paused: ${messageOf(stuck)}`,
      );
    });
    await forgetMemory(vm.directory);
    options.signal?.throwIfAborted();
    throw failureOf(vm, error);
  }
  await endVm(clock, running);
}

async function saveableOf({ uuid, directory }: VmToCapture): Promise<Saveable> {
  // A resumed VM takes no identity: two VMs would have the same one.
  if ((await readConfiguration(directory))?.isTwin === true)
    throw hostErrors.suspendFailed(uuid, 'it continues from a checkpoint and has no identity of its own yet');
  const saveable = await readSaveable(directory);
  if (saveable === undefined)
    throw hostErrors.suspendFailed(uuid, 'an older version of Coppice started it: restart it before');
  return saveable;
}

/** The disks are not touched any more once the memory is sent: it is of one moment with them. */
async function write(
  clock: Clock,
  { directory }: VmToCapture,
  { signal = never, onProgress }: SaveOptions,
): Promise<void> {
  await receiveState(directory, memoryPathIn(directory), signal, async () => {
    await withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
      await noCapabilities(qmp);
      await sendFast(qmp);
      await qmp.execute('migrate', { uri: STATE_URI });
    });
    await untilMigrated(clock, directory, signal, onProgress);
  });
}

function failureOf({ uuid, directory }: VmToCapture, error: unknown): HostError {
  if (error instanceof HostError && error.reason === 'SuspendFailed') return error;
  if (toHostError(error).reason === 'DiskFull') return hostErrors.diskFull(directory, error);
  return hostErrors.suspendFailed(uuid, messageOf(error));
}
