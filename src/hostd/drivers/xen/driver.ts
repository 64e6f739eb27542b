import type { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../../../base/clock.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { hostErrors } from '../../errors/index.ts';
import { createAgentGuest } from '../../guest/agent-guest.ts';
import { createHostNetwork } from '../../network/links.ts';
import { Agents } from '../common/agents.ts';
import { createBootClock } from '../common/boot-time.ts';
import { createImageTool } from '../common/images.ts';
import { createProber } from '../common/prober.ts';
import type { Driver } from '../driver.ts';
import { saveVm } from './checkpoints.ts';
import { plugAgentConsole } from './console/agent-console.ts';
import { ConsoleLogs, openConsole } from './console/console.ts';
import { ChannelSockets } from './console/sockets.ts';
import type { XenContext } from './context.ts';
import { readDomainRecord } from './domain/domain-record.ts';
import { destroyVm, shutDownVm } from './end.ts';
import { foreignVms, measureMachine, probeXen } from './host.ts';
import { inspectVm } from './inspect.ts';
import { restoreVm, startVm } from './start.ts';
import { Toolstack } from './xl/toolstack.ts';

export type XenDriverConfig = {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** The bridge that VMs' network cards are on. Without it no VM can be started. */
  readonly bridge?: string | undefined;
  /**
   * The folder of the sockets of VMs' channels, and of the lock that is held while a domain is made. All daemons of the host share
   * it. A short path without commas, in a file system that is empty after a boot of the host.
   */
  readonly socketDirectory?: string;
  /** Name or path of xl; `xl` by default. */
  readonly binary?: string;
  /** Name or path of qemu-img; `qemu-img` by default. */
  readonly imageBinary?: string;
  /** Paths of GRUB as a kernel, for PV and PVH guests that boot their own kernel; Debian's paths by default. */
  readonly grub?: XenContext['grub'];
  /** Path of xl's own settings; Debian's path by default. */
  readonly xlConfiguration?: string;
};

/** The paths of Debian's package grub-xen-host. */
const debianGrub = {
  PV: '/usr/lib/grub-xen/grub-x86_64-xen.bin',
  PVH: '/usr/lib/grub-xen/grub-i386-xen_pvh.bin',
};

/** Runs VMs as Xen domains with xl, in dom0. The guest has the standard agent, on a console channel. */
export function createXenDriver(config: XenDriverConfig): Driver {
  const { clock, log, searchPath } = config;
  const toolstack = new Toolstack({ clock, xl: config.binary ?? 'xl', searchPath });
  const runDirectory = config.socketDirectory ?? '/run/coppice/xen';
  const sockets = new ChannelSockets(clock, runDirectory);
  const creationLock = join(runDirectory, 'creation.lock');
  const network = createHostNetwork(clock, searchPath);
  const consoles = new ConsoleLogs(clock);
  const locks = new KeyedMutex();
  const consolesInUse = new Set<string>();
  let timeouts = 0;
  const { grub = debianGrub, xlConfiguration = '/etc/xen/xl.conf' } = config;
  const onTimeout = () => {
    timeouts += 1;
  };
  const context: XenContext = {
    bootTime: createBootClock(clock),
    ...{ clock, log, toolstack, network, sockets, creationLock, consoles, grub, xlConfiguration },
    onTimeout,
  };
  const agents = new Agents(clock, (directory) => connectAgent(context, locks, directory));
  const agentOf = (directory: string) => agents.acquire(resolve(directory));
  return {
    probe: () => probeXen(context, config.bridge),
    measure: () => measureMachine(toolstack),
    counts: () => ({ libxl_timeouts: timeouts }),
    start: (vm, signal) => locks.run(vm.uuid, () => startVm(context, vm, signal)),
    inspect: async (uuid, directory) => {
      const observation = await inspectVm(context, uuid, directory);
      if (observation?.state === 'Running') await consoles.bound(directory);
      return observation;
    },
    shutdown: async (uuid, directory, timeoutMs) => {
      const { agent, release } = agentOf(directory);
      return shutDownVm(context, uuid, directory, timeoutMs, agent).finally(release);
    },
    // Xen removes a domain's network interface together with the domain.
    reap: async () => undefined,
    destroy: (uuid, directory) => locks.run(uuid, () => destroyVm(context, uuid, directory)),
    guest: (_uuid, directory) => {
      const { agent, release } = agentOf(directory);
      return createAgentGuest({ clock, agent }, release);
    },
    consoleTail: (directory, bytes) => consoles.tail(directory, bytes),
    openConsole: (directory) => openConsole(toolstack, directory, consolesInUse),
    foreignVms: (root) => foreignVms(toolstack, root),
    checkpoints: {
      save: (vm, path) => {
        const { agent, release } = agentOf(vm.directory);
        return locks.run(vm.uuid, () => saveVm(context, vm, path, agent)).finally(release);
      },
      restore: (vm, path, { signal } = {}) => locks.run(vm.uuid, () => restoreVm(context, vm, path, signal)),
    },
    images: createImageTool(config),
    prober: createProber(clock, network),
  };
}

/** Connects to the agent of the VM in `directory`. Plugs its console in first if it was unplugged for a checkpoint. */
async function connectAgent(context: XenContext, locks: KeyedMutex, directory: string): Promise<Socket> {
  const record = await readDomainRecord(directory);
  if (record === undefined) throw hostErrors.agentUnavailable('the VM was never started');
  const { uuid, consoleUnplugged } = record;
  if (consoleUnplugged === true) await locks.run(uuid, () => plugAgentConsole(context, uuid, directory));
  return context.sockets.connect(uuid);
}
