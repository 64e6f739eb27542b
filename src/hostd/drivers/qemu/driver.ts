import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import { type HostError, toHostError, toProblem } from '../../errors.ts';
import { createAgentGuest } from '../../guest/agent-guest.ts';
import { Locks } from '../../locks.ts';
import type { Driver, DriverInfo } from '../driver.ts';
import { Agents } from './agents.ts';
import { keepApart } from './apart.ts';
import { boundConsole, openConsole, readConsoleTail } from './console.ts';
import { detect, type Hypervisor, type Wish } from './detect.ts';
import { destroyVm, shutDownVm } from './end.ts';
import { foreignVms } from './foreign.ts';
import { createImageTool } from './images.ts';
import { inspectVm } from './inspect.ts';
import { createProber } from './prober.ts';
import { type StartContext, startVm } from './start.ts';

export type QemuDriverConfig = {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info'>;
  /** The driver's own folder: what it found out about this host's QEMU. */
  readonly stateDirectory: string;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** Name or path of QEMU; `qemu-system-x86_64` without. */
  readonly binary?: string;
  /** Name or path of qemu-img; `qemu-img` without. */
  readonly imageBinary?: string;
  /** `auto`, without: KVM where it really runs a guest, else emulation. */
  readonly accelerator?: Wish;
  /** For a daemon in a container: the host's /sys/fs/cgroup, where VMs get a control group of their own, and outlive it. */
  readonly cgroupRoot?: string | undefined;
  /** VMs created at once. QEMU sets no limit; this one keeps a burst from starving the VMs that run. */
  readonly creationConcurrency?: number;
};

const defaultConcurrency = 8;
const failurePauseMs = 30_000;

/** VMs by QEMU over QMP, with the standard agent in the guest. Linux only: it finds its VMs again in /proc. */
export function createQemuDriver(config: QemuDriverConfig): Driver {
  const { clock } = config;
  const locks = new Locks();
  const agents = new Agents(clock);
  const consolesInUse = new Set<string>();
  const hypervisor = createDetector(config);
  const { cgroupRoot } = config;
  const context: StartContext = {
    clock,
    hypervisor,
    keepApart: async (pid) => (cgroupRoot === undefined ? undefined : await keepApart(cgroupRoot, pid)),
  };
  return {
    probe: () => probe(config, hypervisor),
    start: (vm, signal) => locks.run(vm.uuid, () => startVm(context, vm, signal)),
    inspect: async (uuid, directory) => {
      const observation = await inspectVm(clock, uuid, directory);
      if (observation?.state === 'Running') await boundConsole(directory);
      return observation;
    },
    shutdown: async (uuid, directory, timeoutMs) => {
      const { agent, release } = agents.acquire(directory);
      return shutDownVm(clock, uuid, directory, timeoutMs, agent).finally(release);
    },
    destroy: (uuid, directory) => locks.run(uuid, () => destroyVm(clock, uuid, directory)),
    guest: (_uuid, directory) => {
      const { agent, release } = agents.acquire(directory);
      return createAgentGuest({ clock, agent }, release);
    },
    consoleTail: readConsoleTail,
    openConsole: (directory) => openConsole(clock, directory, consolesInUse),
    foreignVms,
    images: createImageTool(config),
    prober: createProber(clock),
  };
}

/** One detection at a time; one that failed is not repeated at once, since its trial guests may take seconds to fail. */
function createDetector(config: QemuDriverConfig): () => Promise<Hypervisor> {
  const locks = new Locks();
  let told = false;
  let failure: { readonly error: HostError; readonly until: number } | undefined;
  const once = async () => {
    if (failure !== undefined && config.clock.now() < failure.until) throw failure.error;
    try {
      const found = await detect({
        binary: config.binary ?? 'qemu-system-x86_64',
        wish: config.accelerator ?? 'auto',
        searchPath: config.searchPath,
        stateDirectory: config.stateDirectory,
      });
      if (!told) config.log.info(found, `VMs run by QEMU ${found.version} with ${found.accelerator}`);
      told = true;
      return found;
    } catch (error) {
      const failed = toHostError(error);
      // A missing program costs nothing to look for.
      const pauseMs = failed.reason === 'HypervisorMissing' ? 0 : failurePauseMs;
      failure = { error: failed, until: config.clock.now() + pauseMs };
      throw failed;
    }
  };
  return () => locks.run('detection', once);
}

async function probe(config: QemuDriverConfig, hypervisor: () => Promise<Hypervisor>): Promise<DriverInfo> {
  const fixed = {
    name: 'qemu',
    capabilities: ['userNetwork'],
    creationConcurrency: config.creationConcurrency ?? defaultConcurrency,
  } as const;
  try {
    const { version, accelerator, acceleratorReason } = await hypervisor();
    const reason = acceleratorReason === undefined ? {} : { acceleratorReason };
    return { ...fixed, version, accelerator, ...reason };
  } catch (error) {
    return { ...fixed, version: 'none', accelerator: 'none', problem: toProblem(toHostError(error)) };
  }
}
