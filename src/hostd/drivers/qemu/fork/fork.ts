import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isRecord } from '../../../../base/json.ts';
import { HostError, hostErrors, messageOf, toHostError } from '../../../errors/index.ts';
import {
  PARTIAL_SUFFIX,
  readJsonIfThere,
  syncDirectory,
  syncFile,
  writeJsonDurably,
} from '../../../files/durable-files.ts';
import { fileExists, ifThere } from '../../../files/if-there.ts';
import type { DiskToCapture, VmToCapture } from '../../captures.ts';
import type { Fork, SaveOptions } from '../../checkpoints.ts';
import type { ImageTool } from '../../driver.ts';
import { followJobs, openTarget } from '../backup-jobs.ts';
import { contentFiles, type KnownDigests } from '../checkpoint/content.ts';
import { untilMigrated } from '../checkpoint/migration.ts';
import { type CheckpointRecord, type Part, readRecord, writeRecord } from '../checkpoint/record.ts';
import { DISK_NODES, VARIABLES_NODE } from '../command-line.ts';
import { readSaveable, type Saveable } from '../configuration.ts';
import type { Hypervisor } from '../detect.ts';
import { vmFiles } from '../files.ts';
import { readCondition, withMonitor } from '../monitor.ts';
import { findVm, type QemuProcess } from '../processes.ts';
import type { StartContext } from '../start.ts';
import { emptyFiller, startFiller } from './filler.ts';
import { type FillerParts, fillerArguments } from './filler-arguments.ts';
import { nameOfNote, writeNote } from './note.ts';
import { relayFiles, startRelay } from './relay.ts';
import { forkJobOf, prepareSnapshot, takeMoment } from './snapshot.ts';
import { tidyFork } from './tidy.ts';

const monitorLimitMs = 10_000;
/** Says of a checkpoint that it is a fork, and of what moment. */
const MOMENT = 'fork.json';

export type ForkContext = {
  readonly start: StartContext;
  readonly images: Pick<ImageTool, 'inspect' | 'createOverlay' | 'createEmpty' | 'digHoles'>;
  readonly digests: KnownDigests;
};

type Source = {
  readonly vm: VmToCapture;
  readonly running: QemuProcess;
  readonly saveable: Saveable;
  readonly hypervisor: Hypervisor;
  readonly wasPaused: boolean;
  /** The folder that is written. */
  readonly partial: string;
};

/** See {@link Checkpoints.fork}. Of an earlier fork nothing is left. */
export async function forkVm(
  context: ForkContext,
  vm: VmToCapture,
  target: string,
  options: SaveOptions = {},
): Promise<Fork> {
  const { clock } = context.start;
  if (await fileExists(target)) return finished(vm, target);
  const source = await sourceOf(context, vm, target + PARTIAL_SUFFIX);
  options.signal?.throwIfAborted();
  await writeNote(vm.directory, source);
  const failure = await write(context, source, target, options).then(
    (fork) => ({ fork }),
    (error: unknown) => ({ error }),
  );
  await tidyFork(clock, vm).catch((left: unknown) => {
    const first = 'error' in failure ? `${messageOf(failure.error)}; and ` : '';
    throw hostErrors.checkpointFailed(vm.uuid, `${first}what the fork left stays: ${messageOf(left)}`);
  });
  if ('fork' in failure) return failure.fork;
  options.signal?.throwIfAborted();
  throw failureOf(vm, target, failure.error);
}

/** What another daemon finished, which was killed before it could say so. */
async function finished({ uuid }: VmToCapture, target: string): Promise<Fork> {
  const moment = await readJsonIfThere(join(target, MOMENT));
  const isOwn = (await readRecord(target))?.uuid === uuid;
  if (!isOwn || !isRecord(moment))
    throw hostErrors.checkpointFailed(uuid, `${target} is there already: choose another name, or remove it`);
  return { capturedAt: String(moment.capturedAt), pauseMs: Number(moment.pauseMs) };
}

/** Rejects when the VM cannot be forked. */
async function sourceOf({ start }: ForkContext, vm: VmToCapture, partial: string): Promise<Source> {
  const failed = (why: string) => hostErrors.checkpointFailed(vm.uuid, why);
  const running = await findVm(vm.uuid, vm.directory);
  if (running === undefined) throw failed('the VM does not run');
  const saveable = await readSaveable(vm.directory);
  if (saveable === undefined)
    throw failed('an older daemon started it: it can be forked when it was started again');
  const hypervisor = await start.hypervisor();
  if (hypervisor.forkProblem !== undefined) throw hostErrors.forkUnavailable(hypervisor.forkProblem);
  const { QEMU: version } = saveable.key;
  if (version !== hypervisor.version)
    throw failed(
      `QEMU ${version} runs it, and this host now has ${hypervisor.version}: it can be forked when it was started again`,
    );
  const found = await withMonitor(start.clock, vm.directory, monitorLimitMs, readCondition);
  const isThere = (found.state === 'Running' || found.state === 'Paused') && found.isEmpty !== true;
  if (found.problem !== undefined || !isThere)
    throw failed(found.problem?.message ?? 'its guest does not run');
  return { vm, running, saveable, hypervisor, wasPaused: found.state === 'Paused', partial };
}

async function write(
  context: ForkContext,
  source: Source,
  target: string,
  options: SaveOptions,
): Promise<Fork> {
  const { partial } = source;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  const moment = await fill(context, source, options);
  await seal(context, source, moment, options.signal);
  await rename(partial, target);
  await syncDirectory(dirname(target));
  return moment;
}

/** Leaves memory, state and disks of one moment in the folder. */
async function fill(context: ForkContext, source: Source, options: SaveOptions): Promise<Fork> {
  const { clock } = context.start;
  const { vm, partial, wasPaused, hypervisor } = source;
  const disks = await disksOf(context, source);
  for (const disk of disks)
    await openTarget({ clock, images: context.images }, vm.directory, forkJobOf(disk.target), disk);
  await prepareSnapshot(clock, vm);
  await startRelay(clock, partial, context.start.leaveDaemonGroup);
  const argv = fillerArguments(source.running.arguments.slice(1), await partsOf(context, source));
  const filler = await startFiller(clock, hypervisor.program, argv, partial, options.signal);
  const signal = AbortSignal.any([filler.ended, ...(options.signal === undefined ? [] : [options.signal])]);
  const uri = `unix:${nameOfNote(wasPaused)}/${relayFiles.socket}`;
  try {
    // The pause then does not wait for what the guest wrote before.
    for (const { path } of disks) await syncFile(path);
    const moment = await takeMoment(clock, vm, disks, { uri, wasPaused });
    await arrived(context, source, disks, { ...options, signal });
    await emptyFiller(clock, vm.uuid, partial, signal);
    return moment;
  } catch (error) {
    throw await filler.causeOf(error);
  }
}

/** What the filler has instead of the files that its source writes to. */
async function partsOf(
  { images }: ForkContext,
  { vm, saveable: { disks, key }, partial }: Source,
): Promise<FillerParts> {
  const bytes: Record<string, number> = {};
  for (const which of ['disk', 'dataDisk'] as const) {
    const path = disks[which]?.path;
    if (path !== undefined) bytes[DISK_NODES[which]] = (await images.inspect(path, 'qcow2')).virtualBytes;
  }
  const variables = await ifThere(stat(join(vm.directory, vmFiles.variables)));
  if (variables !== undefined) bytes[VARIABLES_NODE] = variables.size;
  return { memory: join(partial, contentFiles.memory), machineType: key.machine ?? '', bytes };
}

async function arrived(
  context: ForkContext,
  { vm }: Source,
  disks: readonly DiskToCapture[],
  { signal, onProgress }: SaveOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { clock } = context.start;
  await untilMigrated(clock, vm.directory, signal, onProgress);
  const names = disks.map(({ target }) => forkJobOf(target));
  const [first] = disks;
  if (first === undefined) return;
  await followJobs(clock, vm, names, first.target, { signal, onProgress: () => undefined });
}

/** The copies stand on what the source's disks stand on. */
async function disksOf(
  { images }: ForkContext,
  { saveable, partial }: Source,
): Promise<readonly DiskToCapture[]> {
  const disks: DiskToCapture[] = [];
  for (const which of ['disk', 'dataDisk'] as const) {
    const disk = saveable.disks[which];
    if (disk === undefined) continue;
    const { path, layer: given } = disk;
    const named = given ?? (await images.inspect(path, 'qcow2')).references[0];
    const layer = named === undefined ? {} : { layer: resolve(dirname(path), named) };
    disks.push({ which, path, ...layer, target: join(partial, contentFiles[which]) });
  }
  return disks;
}

/** Writes all that was there at that moment to the disk, and what it is. */
async function seal(
  { digests: known, images }: ForkContext,
  { vm, saveable, partial }: Source,
  moment: Fork,
  signal: AbortSignal | undefined,
): Promise<void> {
  const disks = (['disk', 'dataDisk'] as const).filter((which) => saveable.disks[which] !== undefined);
  // In a tmpfs the filler takes a page for every page that it looks at. Where there can be no holes, the file is as good without.
  await images.digHoles(join(partial, contentFiles.memory), signal);
  const digests: Partial<Record<Part, string>> = {};
  for (const part of ['memory', 'state', ...disks] as const) {
    const path = join(partial, contentFiles[part]);
    await syncFile(path);
    digests[part] = await known.of(path, signal);
  }
  await writeJsonDurably(join(partial, MOMENT), moment);
  const record: CheckpointRecord = { uuid: vm.uuid, key: saveable.key, digests };
  await writeRecord(partial, record);
}

/** A full disk is that of the fork. */
function failureOf({ uuid }: VmToCapture, target: string, error: unknown): HostError {
  if (error instanceof HostError && ['CheckpointFailed', 'ForkUnavailable'].includes(error.reason))
    return error;
  if (toHostError(error).reason === 'DiskFull') return hostErrors.diskFull(target, error);
  return hostErrors.checkpointFailed(uuid, messageOf(error));
}
