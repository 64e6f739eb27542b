import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { HostStatus } from '../../host/protocol.ts';
import type { Driver, MachineUse, VmObservation } from '../drivers/driver.ts';
import { codeOf } from '../errors/index.ts';

/** What a host has, in millicores and bytes. Set less than the machine's to share it between daemons. */
export type CapacityOverride = { readonly cpuMillis?: number; readonly memoryBytes?: number };

type Use = { readonly capacity: HostStatus['capacity']; readonly used: HostStatus['used'] };
type CpuSample = { readonly at: number; readonly busyMillis: number; readonly source: unknown };

/** The kernel's clock tick, in which /proc counts CPU time: 100 per second on every Linux that runs Node. */
const MILLIS_PER_TICK = 10;
const PAGE_BYTES = 4096;

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
  #last: CpuSample | undefined;
  #own: ReadonlyMap<number, number> = new Map();
  #ownMillis = 0;
  #cpuMillis = 0;

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
    const shared = this.#override.cpuMillis !== undefined || this.#override.memoryBytes !== undefined;
    const own = shared ? vms : undefined;
    const [machine, disk] = await Promise.all([
      hypervisor === undefined ? this.#operatingSystem(own) : hypervisor(own?.map(({ uuid }) => uuid)),
      statfs(this.#stateDirectory),
    ]);
    this.#sample({ at: this.#clock.monotonic(), busyMillis: machine.busyMillis, source: hypervisor });
    return {
      capacity: {
        cpuMillis: this.#override.cpuMillis ?? machine.cpuMillis,
        memoryBytes: this.#override.memoryBytes ?? machine.memoryBytes,
        diskBytes: disk.blocks * disk.bsize,
      },
      used: {
        cpuMillis: this.#cpuMillis,
        memoryBytes: machine.usedMemoryBytes,
        diskBytes: (disk.blocks - disk.bavail) * disk.bsize,
      },
    };
  }

  async #operatingSystem(own: readonly VmObservation[] | undefined): Promise<MachineUse> {
    const pids = own?.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    const [busyMillis, usedMemoryBytes] = await Promise.all([
      pids === undefined ? this.#busyOfAll() : this.#busyOf(pids),
      pids === undefined ? this.#memoryOfAll() : this.#residentOf(pids),
    ]);
    return {
      cpuMillis: availableParallelism() * 1000,
      memoryBytes: totalmem(),
      busyMillis,
      usedMemoryBytes,
    };
  }

  #sample(now: CpuSample): void {
    const before = this.#last;
    this.#last = now;
    // The difference between the counters of two sources means nothing.
    if (before === undefined || before.source !== now.source || now.at <= before.at) return;
    // The hypervisor's sum falls when a VM ends, as its CPU time is no longer counted: that is not a negative use.
    const busy = Math.max(0, now.busyMillis - before.busyMillis);
    this.#cpuMillis = Math.round((busy / (now.at - before.at)) * 1000);
  }

  /** https://docs.kernel.org/filesystems/proc.html: user nice system idle iowait irq softirq steal … */
  async #busyOfAll(): Promise<number> {
    const [line = ''] = (await readFile(join(this.#proc, 'stat'), 'utf8')).split('\n');
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) * MILLIS_PER_TICK;
  }

  async #memoryOfAll(): Promise<number> {
    const text = await readFile(join(this.#proc, 'meminfo'), 'utf8');
    const kibibytes = (key: string) =>
      Number(new RegExp(`^${key}:\\s+([0-9]+) kB`, 'm').exec(text)?.[1] ?? 0);
    return (kibibytes('MemTotal') - kibibytes('MemAvailable')) * 1024;
  }

  /** A sum that only grows, so that the CPU time of a VM that ended does not hide what the others take. */
  async #busyOf(pids: readonly number[]): Promise<number> {
    const times = pids.map(async (pid) => {
      const stat = await this.#ofProcess(pid, 'stat');
      // The command's name, in parentheses, may contain blanks: the fields that count begin behind it, at field 3.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [pid, (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * MILLIS_PER_TICK] as const;
    });
    const own = new Map(await Promise.all(times));
    for (const [pid, millis] of own) this.#ownMillis += Math.max(0, millis - (this.#own.get(pid) ?? 0));
    this.#own = own;
    return this.#ownMillis;
  }

  async #residentOf(pids: readonly number[]): Promise<number> {
    const pages = pids.map(async (pid) => Number((await this.#ofProcess(pid, 'statm')).split(' ')[1] ?? 0));
    return (await Promise.all(pages)).reduce((sum, each) => sum + each, 0) * PAGE_BYTES;
  }

  /** Empty when the process has just ended. */
  async #ofProcess(pid: number, file: string): Promise<string> {
    try {
      return await readFile(join(this.#proc, String(pid), file), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return '';
      throw error;
    }
  }
}
