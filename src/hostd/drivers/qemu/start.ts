import { type Clock, sleep } from '../../../base/clock.ts';
import { orLate } from '../../../base/deadline.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import { requireBridge } from '../../network/bridge.ts';
import type { HostNetwork } from '../../network/links.ts';
import { type Ending, launch } from '../common/launch.ts';
import { ensureTap, reconnectTap } from '../common/tap.ts';
import type { VmSpec } from '../vm.ts';
import { keyOf } from './checkpoint/key.ts';
import { qemuArguments, type Surroundings } from './command-line.ts';
import { writeConfiguration } from './configuration.ts';
import { boundVmLogs } from './console.ts';
import type { Hypervisor } from './detect.ts';
import { endVm } from './end.ts';
import { vmFiles } from './files.ts';
import { hasEnded, letRun, readCondition, withMonitor } from './monitor.ts';
import { findVm, findVmOrOther, type QemuProcess } from './processes.ts';
import { prepareUefi } from './uefi.ts';

/** QEMU answers within 0.2 s of its start; the rest is for a host on which many VMs start at once. */
const startLimitMs = 120_000;
const monitorLimitMs = 10_000;
/** A QEMU that closed its connections is about to end. */
const endingMs = 1_000;

export type StartContext = {
  readonly clock: Clock;
  /** Rejects when no VM can run on this host. */
  readonly hypervisor: () => Promise<Hypervisor>;
  /** Moves a process out of the control group that ends with the daemon's container; does nothing outside a container. */
  readonly leaveDaemonGroup: (pid: number) => Promise<void>;
  readonly network: HostNetwork;
  /** Where this host has UEFI, if it has it. */
  readonly uefiDirectory: string;
  /** Marks this driver's network interfaces, to distinguish them from other daemons'. */
  readonly owner: () => Promise<string>;
};

/** See {@link Driver.start}. What already exists of the VM decides what is done. */
export async function startVm(context: StartContext, vm: VmSpec, signal?: AbortSignal): Promise<void> {
  let found = await findVmOrOther(vm.uuid, vm.directory);
  if (found.vm !== undefined) {
    if (await resume(context.clock, vm, found.vm)) return reconnect(context, vm);
    found = await findVmOrOther(vm.uuid, vm.directory);
  }
  if (found.other !== undefined) throw secondRefused(vm, found.other);
  const hypervisor = await context.hypervisor();
  signal?.throwIfAborted();
  const surroundings = await surroundingsOf(context, vm, hypervisor);
  await launchVm(context, { vm, hypervisor, surroundings }, signal);
}

/** What the VM needs of this host. Rejects when the host does not have it. */
export async function surroundingsOf(
  { network, uefiDirectory }: StartContext,
  vm: VmSpec,
  { machineType }: Hypervisor,
): Promise<Surroundings> {
  const mtu =
    vm.network.mode === 'bridge' ? (await requireBridge(network, vm.network.bridge)).mtu : undefined;
  const isUefi = vm.boot.kind === 'firmware' && vm.boot.firmware === 'uefi';
  const uefiCode = isUefi ? await prepareUefi(vm, uefiDirectory) : undefined;
  return { machineType, mtu, uefiCode };
}

export async function reconnect({ network, owner }: StartContext, vm: VmSpec): Promise<void> {
  if (vm.network.mode === 'bridge') await reconnectTap(network, vm.uuid, vm.network, await owner());
}

/**
 * Resumes a VM whose QEMU still runs. False when the VM must be started again; its QEMU has ended then. With a silent monitor
 * it counts as running, as it does for `inspect`: whether its guest still works, its agent shows.
 */
export async function resume(clock: Clock, vm: VmSpec, running: QemuProcess): Promise<boolean> {
  if (!(await monitorAnswers(clock, vm.directory)))
    return (await findVm(vm.uuid, vm.directory)) !== undefined;
  const condition = await withMonitor(clock, vm.directory, monitorLimitMs, async (qmp) => {
    const found = await readCondition(qmp);
    if (found.state === 'Paused' && found.isEmpty !== true) await letRun(qmp, vm.directory);
    return found;
  });
  if (!hasEnded(condition) && condition.isEmpty !== true) return true;
  await endVm(clock, running);
  return false;
}

async function monitorAnswers(clock: Clock, directory: string): Promise<boolean> {
  try {
    await untilMonitorAnswers(clock, directory, monitorLimitMs);
    return true;
  } catch (error) {
    if (error instanceof HostError && error.reason === 'HypervisorSilent') return false;
    throw error;
  }
}

/** The other QEMU with this uuid belongs to another appliance, or to this one but in a folder that was lost. */
export function secondRefused(vm: VmSpec, other: QemuProcess): HostError {
  return hostErrors.vmConflict(vm.domain, vm.uuid, `QEMU with pid ${other.pid}`, `in ${other.directory}`);
}

type Launch = {
  readonly vm: VmSpec;
  readonly hypervisor: Hypervisor;
  readonly surroundings: Surroundings;
  /** What has to happen before the VM counts as started; as long as its monitor answers, by default. */
  readonly ready?: (signal: AbortSignal) => Promise<undefined>;
};

/** Rejects with `VMStartFailed` when QEMU ends before the VM is ready. */
export async function launchVm(
  context: StartContext,
  launched: Launch,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { vm, hypervisor, surroundings } = launched;
  await boundVmLogs(vm.directory);
  const argv = qemuArguments(vm, hypervisor, surroundings);
  await writeConfiguration({
    ...vm,
    accelerator: hypervisor.accelerator,
    commandLine: [hypervisor.program, ...argv],
    checkpointKey: await keyOf(vm, hypervisor, surroundings),
    ...(surroundings.restored === undefined ? {} : { isTwin: true }),
  });
  // After the configuration is written: if the daemon crashes now, the configuration shows whose tap this is.
  if (vm.network.mode === 'bridge') {
    await ensureTap(context.network, vm.uuid, vm.network, await context.owner());
  }
  const qemu = await launch(hypervisor.program, argv, { directory: vm.directory, log: vmFiles.log });
  await untilReady(context, launched, qemu, signal).finally(() => qemu.release());
}

async function untilReady(
  { clock, leaveDaemonGroup }: StartContext,
  launched: Launch,
  qemu: { readonly pid: number; readonly ended: Promise<Ending> },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { vm, ready = (until) => untilMonitorAnswers(clock, vm.directory, startLimitMs, until) } = launched;
  const enough = new AbortController();
  const until = signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal]);
  try {
    // If the daemon is killed before this, the VM ends with it. It has not begun to boot, so it is simply started again.
    await leaveDaemonGroup(qemu.pid).catch((error: unknown) => {
      process.kill(qemu.pid, 'SIGKILL');
      throw error;
    });
    // A QEMU that ends tells why; that it no longer answers says less.
    const isReady = ready(until).catch(async (error: unknown) => {
      const ending = until.aborted ? 'late' : await orLate(clock, qemu.ended, endingMs);
      if (ending === 'late') throw error;
      return ending;
    });
    const ending = await Promise.race([isReady, qemu.ended]);
    if (ending === undefined) return;
    // Another daemon may have started this VM first: QEMU's lock on its pid file allows only one.
    if ((await findVm(vm.uuid, vm.directory)) === undefined) throw startFailed(vm, ending.output);
    await isReady;
  } finally {
    enough.abort();
  }
}

/** Retries after any error, because QEMU creates the socket long before it answers on it. */
export async function untilMonitorAnswers(
  clock: Clock,
  directory: string,
  limitMs: number,
  signal?: AbortSignal,
): Promise<undefined> {
  const until = clock.monotonic() + limitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    try {
      await withMonitor(clock, directory, monitorLimitMs, readCondition);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (clock.monotonic() >= until) {
        throw hostErrors.hypervisorSilent(`QEMU in ${directory}`, error);
      }
      await sleep(clock, pauseMs, signal);
    }
  }
}

function startFailed(vm: VmSpec, output: string): HostError {
  const taken = /host forwarding rule '\w+:[^:]*:(\d+)-/.exec(output)?.[1];
  return taken === undefined
    ? hostErrors.vmStartFailed(vm.domain, output)
    : hostErrors.portInUse(Number(taken), 'another program');
}
