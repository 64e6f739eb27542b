import type { Clock } from '../../../../base/clock.ts';
import { isRecord } from '../../../../base/json.ts';
import { startTimeout } from '../../../../base/timeout.ts';
import { HostError, hostErrors, messageOf } from '../../../errors/index.ts';
import type { Guest } from '../../../guest/guest.ts';
import type { VmToCapture } from '../../captures.ts';
import type { CheckpointFiles } from '../../checkpoints.ts';
import type { VmSpec } from '../../vm.ts';
import { DISK_NODES, type RestoredMemory, type Surroundings } from '../command-line.ts';
import { noteConnected } from '../configuration.ts';
import type { Hypervisor } from '../detect.ts';
import { endVm } from '../end.ts';
import { LINK, letRun, readCondition, withMonitor } from '../monitor.ts';
import { findVm, findVmOrOther } from '../processes.ts';
import type { Qmp } from '../qmp.ts';
import {
  launchVm,
  reconnect,
  resume,
  type StartContext,
  secondRefused,
  surroundingsOf,
  untilMonitorAnswers,
} from '../start.ts';
import type { KnownDigests } from './content.ts';
import { whyNotFresh } from './fresh-disk.ts';
import { differenceOf, keyOf } from './key.ts';
import { ignoreShared, untilMigrated } from './migration.ts';
import { PARTS, type Saved } from './record.ts';
import { STATE_URI, sendState } from './state-stream.ts';

const monitorLimitMs = 10_000;
/** After which time of the agent's silence the state of the VM is looked at. */
const agentPauseMs = 2_000;

export type RestoreContext = {
  readonly start: StartContext;
  readonly digests: KnownDigests;
  /** The guest of the VM in a folder. */
  readonly guestIn: (directory: string) => Pick<Guest, 'ping' | 'close'>;
  /** After which time a VM whose agent has not answered is ended. */
  readonly limitMs: number;
};

/** See {@link Checkpoints.restore}. */
export async function restoreVm(
  context: RestoreContext,
  vm: VmSpec,
  saved: Saved | { readonly name: string; readonly files?: undefined },
  signal?: AbortSignal,
): Promise<void> {
  const { start } = context;
  let found = await findVmOrOther(vm.uuid, vm.directory);
  if (found.vm !== undefined) {
    if (await resume(start.clock, vm, found.vm)) return reconnect(start, vm);
    found = await findVmOrOther(vm.uuid, vm.directory);
  }
  if (found.other !== undefined) throw secondRefused(vm, found.other);
  const { name, files } = saved;
  if (files === undefined)
    throw hostErrors.checkpointUnusable(vm.domain, name, 'it is not there, or of another format');
  const hypervisor = await start.hypervisor();
  const surroundings = await surroundingsOf(start, vm, hypervisor);
  const unfit = await whyUnfit(context, vm, saved, hypervisor, surroundings, signal);
  if (unfit !== undefined) throw hostErrors.checkpointUnusable(vm.domain, name, unfit);
  signal?.throwIfAborted();
  const restored: RestoredMemory = { file: files.memory, canBeReadOnly: canMapReadOnly(hypervisor) };
  const timeout = startTimeout(start.clock, context.limitMs, signal);
  const ready = (until: AbortSignal) => cameAlive(context, vm, files, until);
  try {
    const launched = { vm, hypervisor, surroundings: { ...surroundings, restored }, ready };
    await launchVm(start, launched, timeout.signal);
  } catch (error) {
    const left = await findVm(vm.uuid, vm.directory);
    if (left !== undefined) await endVm(start.clock, left);
    signal?.throwIfAborted();
    throw failureOf(vm, name, timeout.expired() ? silence(context) : error);
  } finally {
    timeout.clear();
  }
}

function silence({ limitMs }: RestoreContext): string {
  return `the guest's agent did not answer within ${limitMs / 1000} s`;
}

/** From this version on QEMU does not need to be able to write what it maps privately. */
function canMapReadOnly({ version }: Hypervisor): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 8 || (major === 8 && minor >= 2);
}

/** Why the checkpoint is not this VM's, or is damaged; undefined for one that can be used. */
async function whyUnfit(
  { digests }: RestoreContext,
  vm: VmSpec,
  { files, digests: known }: Saved,
  hypervisor: Hypervisor,
  surroundings: Surroundings,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const difference = differenceOf(files.key, await keyOf(vm, hypervisor, surroundings));
  if (difference !== undefined) return difference;
  for (const which of ['disk', 'dataDisk'] as const) {
    const [disk, file] = [vm[which], files[which]];
    const unfit = disk && file && (await whyNotFresh(disk, file).catch(messageOf));
    if (unfit !== undefined) return unfit;
  }
  for (const part of PARTS) {
    const [digest, path] = [known[part], files[part]];
    if (digest === undefined || path === undefined) continue;
    const found = await digests.of(path, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      return messageOf(error);
    });
    if (found !== digest) return `${path} is not what was saved (its digest is ${found})`;
  }
  return undefined;
}

/** QEMU loads the state, and the guest runs, with its link down. On another processor it would hang without an error. */
async function cameAlive(
  { start: { clock }, guestIn }: RestoreContext,
  { directory }: VmSpec,
  { state, stateOffset = 0 }: CheckpointFiles,
  signal: AbortSignal,
): Promise<undefined> {
  await untilMonitorAnswers(clock, directory, monitorLimitMs, signal);
  await withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    await ignoreShared(qmp);
    await qmp.execute('migrate-incoming', { uri: STATE_URI });
  });
  await sendState(clock, directory, { path: state, start: stateOffset }, signal);
  await untilMigrated(clock, directory, signal);
  await withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    await fitDisks(qmp);
    await letRun(qmp, directory);
  });
  const guest = guestIn(directory);
  try {
    while (!(await answers(guest))) {
      signal.throwIfAborted();
      const vm = await withMonitor(clock, directory, monitorLimitMs, readCondition);
      if (vm.state !== 'Running') throw new Error(vm.problem?.message ?? 'the guest ended');
    }
  } finally {
    guest.close();
  }
}

async function answers(guest: Pick<Guest, 'ping'>): Promise<boolean> {
  try {
    await guest.ping(agentPauseMs);
    return true;
  } catch (error) {
    if (error instanceof HostError && error.reason === 'AgentUnavailable') return false;
    throw error;
  }
}

/** The guest knows the size of the disk that was saved; of a larger one it has to hear. */
async function fitDisks(qmp: Qmp): Promise<void> {
  const nodes = await qmp.execute('query-named-block-nodes');
  for (const name of Object.values(DISK_NODES)) {
    const node = Array.isArray(nodes)
      ? nodes.find((each) => isRecord(each) && each['node-name'] === name)
      : undefined;
    const image = isRecord(node) ? node.image : undefined;
    if (!isRecord(image) || !isRecord(image['backing-image'])) continue;
    const [now, saved] = [Number(image['virtual-size']), Number(image['backing-image']['virtual-size'])];
    if (now > saved) await qmp.execute('block_resize', { 'node-name': name, size: now });
  }
}

/** What has nothing to do with the checkpoint (a port that is taken, say) stays what it is. */
function failureOf({ domain }: VmSpec, checkpoint: string, error: unknown): HostError {
  const isOther = error instanceof HostError && error.reason !== 'VMStartFailed';
  return isOther ? error : hostErrors.checkpointUnusable(domain, checkpoint, messageOf(error));
}

/** See {@link Checkpoints.connect}. Killed in between, it is called again. */
export async function connectVm(clock: Clock, { directory }: VmToCapture): Promise<void> {
  const up = { name: LINK, up: true };
  await withMonitor(clock, directory, monitorLimitMs, (qmp) => qmp.execute('set_link', up));
  await noteConnected(directory);
}
