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
import { joinAgent } from './console/channel.ts';
import { ConsoleLogs, openConsole } from './console/console.ts';
import { ChannelSockets } from './console/sockets.ts';
import type { XenContext } from './context.ts';
import { readNote } from './domain-record.ts';
import { destroyVm, shutDownVm } from './end.ts';
import { foreignVms } from './foreign.ts';
import { inspectVm } from './inspect.ts';
import { measureMachine } from './measure.ts';
import { probeXen } from './probe.ts';
import { restoreVm, startVm } from './start.ts';
import { Toolstack } from './xl/toolstack.ts';

export type XenDriverConfig = {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** The bridge that VMs' cards are on; without, no VM can be started. */
  readonly bridge?: string | undefined;
  /**
   * Where the sockets of the VMs' channels are, and the lock on making domains, so the same for all daemons of the host:
   * a short path without commas, emptied by a boot of the host.
   */
  readonly socketDirectory?: string;
  /** Name or path of xl; `xl` without. */
  readonly binary?: string;
  /** Name or path of qemu-img; `qemu-img` without. */
  readonly imageBinary?: string;
  /** GRUB as a kernel for PV and PVH guests that bring their own; Debian's places without. */
  readonly grub?: XenContext['grub'];
  /** Path of xl's own settings; Debian's place without. */
  readonly xlConfiguration?: string;
};

/** Where Debian's grub-xen-host puts them. */
const debianGrub = {
  PV: '/usr/lib/grub-xen/grub-x86_64-xen.bin',
  PVH: '/usr/lib/grub-xen/grub-i386-xen_pvh.bin',
};

/** VMs as Xen domains by xl, in dom0, with the standard agent in the guest behind a console channel. */
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
  const timedOut = () => {
    timeouts += 1;
  };
  const context: XenContext = {
    bootTime: createBootClock(clock),
    ...{ clock, log, toolstack, network, sockets, creationLock, consoles, grub, xlConfiguration },
    timedOut,
  };
  const agents = new Agents(clock, (directory) => connectAgent(context, locks, directory));
  const agentOf = (directory: string) => agents.acquire(resolve(directory));
  return {
    probe: () => probeXen(context, config.bridge),
    measure: (own) => measureMachine(toolstack, own),
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
    // Xen itself takes a domain's card away with it.
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
      restore: (vm, path, signal) => locks.run(vm.uuid, () => restoreVm(context, vm, path, signal)),
    },
    images: createImageTool(config),
    prober: createProber(clock, network),
  };
}

/** The agent of the VM in `directory`, which gets its console back first when it was taken out for a checkpoint. */
async function connectAgent(context: XenContext, locks: KeyedMutex, directory: string): Promise<Socket> {
  const note = await readNote(directory);
  if (note === undefined) throw hostErrors.agentUnavailable('the VM was never started');
  if (note.parted === true) await locks.run(note.uuid, () => joinAgent(context, note.uuid, directory));
  return context.sockets.connect(note.uuid);
}
