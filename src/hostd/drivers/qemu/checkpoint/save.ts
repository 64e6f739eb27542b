import { mkdir, open, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../../base/clock.ts';
import { startTimeout } from '../../../../base/timeout.ts';
import { HostError, hostErrors, messageOf, toHostError } from '../../../errors/index.ts';
import { PARTIAL_SUFFIX, syncDirectory } from '../../../files/durable-files.ts';
import { fileExists, ifReadable } from '../../../files/if-there.ts';
import type { Guest } from '../../../guest/guest.ts';
import type { VmToCapture } from '../../captures.ts';
import type { SaveOptions } from '../../checkpoints.ts';
import type { DataFinder } from '../../common/data-finder.ts';
import { readSaveable, type Saveable } from '../configuration.ts';
import { endVm } from '../end.ts';
import { readCondition, withMonitor } from '../monitor.ts';
import { findVm, type QemuProcess } from '../processes.ts';
import type { Qmp } from '../qmp.ts';
import { contentDigest, contentFiles, copySparsely, type ReadOptions } from './content.ts';
import { ignoreShared, untilMigrated } from './migration.ts';
import { ensureRuns, goOn } from './pause.ts';
import { type CheckpointRecord, type Part, readRecord, writeRecord } from './record.ts';
import { receiveState, STATE_URI } from './state-stream.ts';

const monitorLimitMs = 10_000;
const agentLimitMs = 10_000;
/** The state of the devices is half a mebibyte; QEMU sends it within milliseconds. */
const stateLimitMs = 60_000;

export type SaveContext = {
  readonly clock: Clock;
  /** The guest of the VM in a folder. */
  readonly guestIn: (directory: string) => Pick<Guest, 'ping' | 'close'>;
  readonly findData: DataFinder;
};

type Saved = SaveContext & {
  readonly vm: VmToCapture;
  readonly running: QemuProcess;
  readonly capturable: Saveable;
  /** The folder that is written. */
  readonly partial: string;
};

/** See {@link Checkpoints.save}. A folder counts when it has its name, which it gets last: whatever a killed save left does not. */
export async function saveVm(
  context: SaveContext,
  vm: VmToCapture,
  target: string,
  options: SaveOptions = {},
): Promise<void> {
  const { clock } = context;
  const running = await findVm(vm.uuid, vm.directory);
  if (await fileExists(target)) return endSaved(clock, vm, target, running);
  const capturable = await readSaveable(vm.directory);
  if (running === undefined) throw hostErrors.checkpointFailed(vm.uuid, 'the VM does not run');
  if (capturable?.isCapturable !== true)
    throw hostErrors.checkpointFailed(vm.uuid, 'it was not started as a VM whose memory can be saved');
  options.signal?.throwIfAborted();
  const partial = target + PARTIAL_SUFFIX;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  try {
    await saveAs(target, { ...context, vm, running, capturable, partial }, options);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    options.signal?.throwIfAborted();
    throw failureOf(vm, target, error);
  }
  await endVm(clock, running);
}

async function saveAs(target: string, saved: Saved, options: SaveOptions): Promise<void> {
  const { clock, vm, partial } = saved;
  await pause(saved);
  try {
    await write(saved, options);
    await rename(partial, target);
  } catch (error) {
    await goOn(clock, vm).catch((stuck: unknown) => {
      throw new Error(`${messageOf(error)}; and the VM stays paused: ${messageOf(stuck)}`, { cause: error });
    });
    throw error;
  }
  await syncDirectory(dirname(target));
}

/**
 * What another daemon saved, and was killed before it ended the VM. A VM that runs was let go on since, and is not the one that was saved.
 */
async function endSaved(
  clock: Clock,
  vm: VmToCapture,
  target: string,
  running: QemuProcess | undefined,
): Promise<void> {
  const isOwn = (await readRecord(target))?.uuid === vm.uuid;
  if (isOwn && running === undefined) return;
  if (isOwn && running !== undefined) {
    const { state, problem } = await ask(clock, vm, readCondition);
    if (state === 'Paused' && problem === undefined) return endVm(clock, running);
  }
  throw hostErrors.checkpointFailed(vm.uuid, `${target} is there already: choose another name, or remove it`);
}

/** Pauses the VM, once. Its agent must answer before: a clone takes its identity through the agent. */
async function pause({ clock, vm, guestIn }: Saved): Promise<void> {
  await ensureRuns(clock, vm, hostErrors.checkpointFailed);
  const guest = guestIn(vm.directory);
  await guest.ping(agentLimitMs).finally(() => guest.close());
  await ask(clock, vm, (qmp) => qmp.execute('stop'));
}

async function write(saved: Saved, options: SaveOptions): Promise<void> {
  const { vm, running, capturable, partial, findData } = saved;
  await writeState(saved, options.signal);
  // QEMU has written to the disks all that it held, and does not touch them before the VM runs again.
  const memory = { path: await memoryOf(vm, running) };
  const sources = { memory, ...capturable.disks };
  const copied = await copyAll(sources, partial, options);
  const digests = { ...copied, state: await contentDigest(join(partial, contentFiles.state), findData) };
  await writeRecord(partial, { uuid: vm.uuid, key: capturable.key, digests });
}

async function writeState({ clock, vm, partial }: Saved, signal: AbortSignal | undefined): Promise<void> {
  const timeout = startTimeout(clock, stateLimitMs, signal);
  const send = async () => {
    await ask(clock, vm, async (qmp) => {
      await ignoreShared(qmp);
      await qmp.execute('migrate', { uri: STATE_URI });
    });
    await untilMigrated(clock, vm.directory, timeout.signal);
  };
  try {
    await receiveState(vm.directory, join(partial, contentFiles.state), timeout.signal, send);
  } finally {
    timeout.clear();
  }
}

/** The file without a name that QEMU has the VM's memory in. */
async function memoryOf({ uuid }: VmToCapture, { pid }: QemuProcess): Promise<string> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // Descriptors of other things come and go.
    const leadsTo = await ifReadable(readlink(path));
    if (leadsTo?.startsWith('/memfd:memory-backend-memfd') === true) return path;
  }
  throw hostErrors.checkpointFailed(uuid, `QEMU (pid ${pid}) has no memory that can be read`);
}

type Sources = { readonly [part in 'memory' | 'disk' | 'dataDisk']?: { readonly path: string } };

/** Resolves with the digest of each. */
async function copyAll(
  sources: Sources,
  folder: string,
  { signal, onProgress }: SaveOptions,
): Promise<CheckpointRecord['digests']> {
  const parts = (['memory', 'disk', 'dataDisk'] as const).flatMap((part) => {
    const path = sources[part]?.path;
    return path === undefined ? [] : [{ part, path }];
  });
  let totalBytes = 0;
  for (const { path } of parts) totalBytes += (await stat(path)).size;
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onProgress?.(doneBytes, totalBytes);
  };
  const digests: Partial<Record<Part, string>> = {};
  for (const { part, path } of parts)
    digests[part] = await copy(path, join(folder, contentFiles[part]), { signal, onProgress: onBytes });
  return digests;
}

async function copy(path: string, target: string, options: ReadOptions): Promise<string> {
  const source = await open(path, 'r');
  try {
    const written = await open(target, 'wx', 0o600);
    try {
      const digest = await copySparsely(source, written, (await source.stat()).size, options);
      await written.sync();
      return digest;
    } finally {
      await written.close();
    }
  } finally {
    await source.close();
  }
}

function ask<T>(clock: Clock, { directory }: VmToCapture, use: (qmp: Qmp) => Promise<T>): Promise<T> {
  return withMonitor(clock, directory, monitorLimitMs, use);
}

/** A full disk is that of the checkpoint. */
function failureOf({ uuid }: VmToCapture, target: string, error: unknown): HostError {
  if (error instanceof HostError && error.reason === 'CheckpointFailed') return error;
  if (toHostError(error).reason === 'DiskFull') return hostErrors.diskFull(target, error);
  return hostErrors.checkpointFailed(uuid, messageOf(error));
}
