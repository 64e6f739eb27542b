import { statfs } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { HostStatus } from '../../host/protocol.ts';
import type { Driver, VmObservation } from '../drivers/driver.ts';
import { CpuMeter } from './cpu-use.ts';
import { measureProcesses } from './proc.ts';

/** What a host has, in millicores and bytes. Set less than the machine's to share it between daemons. */
export type CapacityOverride = { readonly cpuMillis?: number; readonly memoryBytes?: number };

/** The measured part of a host's status. */
export type Use = Pick<HostStatus, 'capacity' | 'used' | 'vmUse'>;
type VmUses = NonNullable<Use['vmUse']>;

/**
 * Measures the host: the whole machine, or, when the daemon has only a share of it, the daemon's own VMs (other daemons' VMs
 * do not count). A hypervisor that owns the machine is asked itself: under Xen the operating system here, dom0, has a few
 * CPUs and some memory of its own, and sees neither the rest of the machine nor what VMs take of it.
 */
export class HostUse {
  readonly #clock: Clock;
  readonly #override: CapacityOverride;
  readonly #stateDirectory: string;
  readonly #proc: string;
  readonly #cpu = new CpuMeter();

  constructor(options: {
    readonly clock: Clock;
    readonly override: CapacityOverride;
    readonly stateDirectory: string;
    readonly proc?: string;
  }) {
    this.#clock = options.clock;
    this.#override = options.override;
    this.#stateDirectory = options.stateDirectory;
    this.#proc = options.proc ?? '/proc';
  }

  /**
   * CPU use is the mean since the previous call. `vms` are the daemon's own VMs. `hypervisor` measures the machine; it is
   * missing when the driver cannot do that or does not work, and then /proc is read.
   */
  async measure(vms: readonly VmObservation[], hypervisor?: Driver['measure']): Promise<Use> {
    const [machine, disk] = await Promise.all([
      hypervisor === undefined ? measureProcesses(this.#proc, vms) : hypervisor(),
      statfs(this.#stateDirectory),
    ]);
    const ages = new Map(vms.map(({ uuid, runningForMs }) => [uuid, runningForMs]));
    const own = machine.vms.filter(({ uuid }) => ages.has(uuid));
    const at = this.#clock.monotonic();
    const { busyMillis } = machine;
    const cpu = this.#cpu.sample({ at, busyMillis, vms: own, source: hypervisor }, ages);
    const vmUse = own.map(({ uuid, memoryBytes }) => ({
      uuid,
      cpuMillis: cpu.vms.get(uuid) ?? 0,
      memoryBytes,
    }));
    const shared = this.#override.cpuMillis !== undefined || this.#override.memoryBytes !== undefined;
    const used = shared ? sumOf(vmUse) : { cpuMillis: cpu.machine, memoryBytes: machine.usedMemoryBytes };
    return {
      capacity: {
        cpuMillis: this.#override.cpuMillis ?? machine.cpuMillis,
        memoryBytes: this.#override.memoryBytes ?? machine.memoryBytes,
        diskBytes: disk.blocks * disk.bsize,
      },
      used: { ...used, diskBytes: (disk.blocks - disk.bavail) * disk.bsize },
      vmUse,
    };
  }
}

function sumOf(vmUse: VmUses): { readonly cpuMillis: number; readonly memoryBytes: number } {
  return {
    cpuMillis: vmUse.reduce((sum, vm) => sum + vm.cpuMillis, 0),
    memoryBytes: vmUse.reduce((sum, vm) => sum + vm.memoryBytes, 0),
  };
}
