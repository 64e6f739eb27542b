import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../../../base/clock.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { type HostError, toHostError, toProblem } from '../../errors/index.ts';
import { createAgentGuest } from '../../guest/agent-guest.ts';
import { bridgeProblem } from '../../network/bridge.ts';
import { createHostNetwork, type HostNetwork } from '../../network/links.ts';
import { Agents } from '../common/agents.ts';
import { moveToVmGroup } from '../common/cgroup.ts';
import { createDataFinder } from '../common/data-finder.ts';
import { createImageTool } from '../common/images.ts';
import { createProber } from '../common/prober.ts';
import { connectIn } from '../common/socket.ts';
import { reapTaps } from '../common/tap.ts';
import type { Driver, DriverInfo } from '../driver.ts';
import { createCaptures } from './capture.ts';
import { createCheckpoints } from './checkpoint/checkpoints.ts';
import { boundVmLogs, openConsole, readConsoleTail } from './console.ts';
import { type AcceleratorChoice, detect, type Hypervisor } from './detect.ts';
import { destroyVm, shutDownVm } from './end.ts';
import { vmFiles } from './files.ts';
import { tidyFork } from './fork/tidy.ts';
import { inspectVm } from './inspect.ts';
import { ownerOf } from './owner.ts';
import { foreignVms } from './processes.ts';
import { type StartContext, startVm } from './start.ts';
import { resumeVm } from './suspend/resume.ts';
import { forgetMemory, savedMemoryOf } from './suspend/saved-memory.ts';
import { suspendVm } from './suspend/suspend.ts';
import { hasUefi, UEFI_DIRECTORY } from './uefi.ts';

export type QemuDriverConfig = {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info'>;
  /** The driver's own folder, for what it found out about this host's QEMU. */
  readonly stateDirectory: string;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** Name or path of QEMU; `qemu-system-x86_64` by default. */
  readonly binary?: string;
  /** Name or path of qemu-img; `qemu-img` by default. */
  readonly imageBinary?: string;
  /** `auto` by default: KVM if it really runs a guest here, else emulation. */
  readonly accelerator?: AcceleratorChoice;
  /** For a daemon in a container: the host's /sys/fs/cgroup, where VMs get a control group of their own and outlive the container. */
  readonly cgroupRoot?: string | undefined;
  /** Where this host has UEFI; Debian's package ovmf by default. */
  readonly uefiDirectory?: string;
  /** How many VMs are created at once. QEMU has no limit; this one keeps a burst of starts from starving the VMs that run. */
  readonly creationConcurrency?: number;
  /** How long a VM that continues from a checkpoint may take until its agent answers; a minute by default. */
  readonly restoreLimitMs?: number | undefined;
  /** Name of the bridge that VMs may be connected to. Without it there is only user networking. */
  readonly bridge?: string | undefined;
};

const defaultConcurrency = 8;
const failurePauseMs = 30_000;
const agentLimitMs = 5_000;

/** Runs VMs with QEMU, over QMP, with the standard agent in the guest. Linux only: it finds its VMs again in /proc. */
export function createQemuDriver(config: QemuDriverConfig): Driver {
  const { clock } = config;
  const locks = new KeyedMutex();
  const agents = new Agents(clock, (directory) => connectIn(clock, directory, vmFiles.agent, agentLimitMs));
  const images = createImageTool(config);
  const consolesInUse = new Set<string>();
  const hypervisor = createDetector(config);
  const { cgroupRoot } = config;
  const network = createHostNetwork(clock, config.searchPath);
  const owner = () => locks.run('owner', () => ownerOf(config.stateDirectory));
  const leaveDaemonGroup = async (pid: number) =>
    cgroupRoot === undefined ? undefined : await moveToVmGroup(cgroupRoot, pid);
  const uefiDirectory = config.uefiDirectory ?? UEFI_DIRECTORY;
  const guestIn = (directory: string) => {
    const { agent, release } = agents.acquire(resolve(directory));
    return createAgentGuest({ clock, agent }, release);
  };
  const context: StartContext = { clock, hypervisor, network, owner, leaveDaemonGroup, uefiDirectory };
  return {
    probe: () => probe(config, hypervisor, network),
    start: (vm, signal) =>
      locks.run(vm.uuid, async () => {
        await tidyFork(clock, vm);
        const saved = await savedMemoryOf(vm);
        if (saved === undefined) await startVm(context, vm, signal);
        else await resumeVm(context, vm, saved, signal);
      }),
    inspect: async (uuid, directory) => {
      const observation = await inspectVm(clock, network, uuid, directory);
      if (observation?.state === 'Running') await boundVmLogs(directory);
      return observation;
    },
    shutdown: async (uuid, directory, timeoutMs) => {
      const { agent, release } = agents.acquire(resolve(directory));
      return shutDownVm(clock, uuid, directory, timeoutMs, agent).finally(release);
    },
    reap: async (uuids) => reap(config, network, await owner(), uuids),
    destroy: (uuid, directory) =>
      locks.run(uuid, async () => {
        await destroyVm(clock, network, uuid, directory);
        await tidyFork(clock, { uuid, directory });
      }),
    guest: (_uuid, directory) => guestIn(directory),
    consoleTail: readConsoleTail,
    openConsole: (directory) => openConsole(clock, directory, consolesInUse),
    foreignVms,
    images,
    captures: createCaptures({ clock, agents, images }),
    checkpoints: createCheckpoints(context, images, locks, {
      guestIn,
      findData: createDataFinder(config),
      limitMs: config.restoreLimitMs,
    }),
    suspensions: {
      suspend: (vm, options) =>
        locks.run(vm.uuid, async () => {
          await tidyFork(clock, vm);
          await suspendVm(clock, vm, options);
        }),
      discard: ({ uuid, directory }) => locks.run(uuid, () => forgetMemory(directory)),
    },
    prober: createProber(clock, network),
  };
}

/** Detects once at a time. After a failure it waits before it tries again, because trial guests may take seconds to fail. */
function createDetector(config: QemuDriverConfig): () => Promise<Hypervisor> {
  const locks = new KeyedMutex();
  let logged = false;
  let failure: { readonly error: HostError; readonly until: number } | undefined;
  const once = async () => {
    if (failure !== undefined && config.clock.monotonic() < failure.until) throw failure.error;
    try {
      const found = await detect({
        binary: config.binary ?? 'qemu-system-x86_64',
        accelerator: config.accelerator ?? 'auto',
        searchPath: config.searchPath,
        stateDirectory: config.stateDirectory,
      });
      if (!logged) config.log.info(found, `VMs run by QEMU ${found.version} with ${found.accelerator}`);
      logged = true;
      return found;
    } catch (error) {
      const failed = toHostError(error);
      // Looking for a missing program again costs nothing.
      const pauseMs = failed.reason === 'HypervisorMissing' ? 0 : failurePauseMs;
      failure = { error: failed, until: config.clock.monotonic() + pauseMs };
      throw failed;
    }
  };
  return () => locks.run('detection', once);
}

async function probe(
  config: QemuDriverConfig,
  hypervisor: () => Promise<Hypervisor>,
  network: HostNetwork,
): Promise<DriverInfo> {
  const { capabilities, ...bridge } = await probeBridge(config, network);
  const uefi = (await hasUefi(config.uefiDirectory ?? UEFI_DIRECTORY)) ? (['uefi'] as const) : [];
  const fixed = {
    name: 'qemu',
    ...bridge,
    capabilities: [...capabilities, 'dataDisk', 'scsiDisk', 'hvmCdDrive', 'cdDrive', 'capturable', ...uefi],
    creationConcurrency: config.creationConcurrency ?? defaultConcurrency,
  } as const;
  try {
    const { version, accelerator, acceleratorReason, forkProblem } = await hypervisor();
    const reason = acceleratorReason === undefined ? {} : { acceleratorReason };
    if (forkProblem !== undefined) return { ...fixed, version, accelerator, forkProblem, ...reason };
    const able = [...fixed.capabilities, 'liveFork'] as const;
    return { ...fixed, capabilities: able, version, accelerator, ...reason };
  } catch (error) {
    return { ...fixed, version: 'none', accelerator: 'none', problem: toProblem(toHostError(error)) };
  }
}

async function probeBridge(
  { bridge }: QemuDriverConfig,
  network: HostNetwork,
): Promise<Pick<DriverInfo, 'capabilities' | 'warnings'>> {
  if (bridge === undefined) return { capabilities: ['userNetwork'] };
  const problem = await bridgeProblem(network, bridge, { taps: true });
  if (problem === undefined) return { capabilities: ['userNetwork', 'bridgeNetwork'] };
  return { capabilities: ['userNetwork'], warnings: [toProblem(problem)] };
}

/** Does nothing when the daemon was given no bridge: it then leaves the host's network alone. */
async function reap(
  { bridge, log }: QemuDriverConfig,
  network: HostNetwork,
  owner: string,
  uuids: ReadonlySet<string>,
): Promise<void> {
  if (bridge === undefined) return;
  const interfaces = await reapTaps(network, owner, uuids);
  if (interfaces.length > 0) log.info({ interfaces }, 'removed network interfaces of VMs that are gone');
}
