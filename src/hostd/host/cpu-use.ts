import type { VmUse } from '../drivers/driver.ts';

/** CPU time used until one moment, in milliseconds; only differences between two samples have a meaning. */
export type CpuSample = {
  /** By the monotonic clock. */
  readonly at: number;
  readonly busyMillis: number;
  readonly vms: readonly Pick<VmUse, 'uuid' | 'busyMillis'>[];
  /** Who measured it: the counters of two sources have nothing to do with each other. */
  readonly source: unknown;
};

/** Millicores: the means between the last two samples. */
export type CpuUse = {
  readonly machine: number;
  readonly vms: ReadonlyMap<string, number>;
};

const NONE: CpuUse = { machine: 0, vms: new Map() };

/** Turns counters of CPU time into use. */
export class CpuMeter {
  #last: CpuSample | undefined;
  #use: CpuUse = NONE;

  /** @param ages milliseconds for which each VM has run, by uuid, as far as they are known */
  sample(now: CpuSample, ages: ReadonlyMap<string, number | undefined>): CpuUse {
    const before = this.#last;
    this.#last = now;
    if (before === undefined || before.source !== now.source || now.at <= before.at) return this.#use;
    const elapsed = now.at - before.at;
    const known = new Map(before.vms.map(({ uuid, busyMillis }) => [uuid, busyMillis]));
    const busySince = ({ uuid, busyMillis }: CpuSample['vms'][number]) => {
      const earlier = known.get(uuid);
      // What a VM used before it was first seen is not the use of this time.
      if (earlier === undefined) return (ages.get(uuid) ?? Infinity) <= elapsed ? busyMillis : 0;
      return busyMillis < earlier ? busyMillis : busyMillis - earlier;
    };
    const millicores = (busy: number) => Math.round((busy / elapsed) * 1000);
    this.#use = {
      // A hypervisor's sum falls when a VM ends, as its CPU time is no longer counted: that is not a negative use.
      machine: millicores(Math.max(0, now.busyMillis - before.busyMillis)),
      vms: new Map(now.vms.map((vm) => [vm.uuid, millicores(busySince(vm))])),
    };
    return this.#use;
  }
}
