import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Cpu, ScaleWorld } from './world.ts';

/** USER_HZ, in which /proc counts CPU time: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What a stretch of work took. Both kinds of CPU time are seconds, over all cores. */
export interface Cost {
  readonly seconds: number;
  /** By part; `daemons` stand for machines of their own, `bench` is what measures. */
  readonly cpu: Cpu;
  /** Of everything else on the machine meanwhile. */
  readonly othersCpuSeconds: number;
  readonly cores: number;
}

/** Does the work and tells what it took. */
export async function costOf(world: ScaleWorld, work: () => Promise<void>): Promise<Cost> {
  const [before, busyBefore, startedAt] = [await world.cpu(), await busySeconds(), performance.now()];
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const [after, busyAfter] = [await world.cpu(), await busySeconds()];
  const cpu = Object.fromEntries(
    Object.entries(after).map(([part, used]) => [part, round(used - (before[part] ?? 0))]),
  );
  const othersCpuSeconds = round(Math.max(0, busyAfter - busyBefore - sum(Object.values(cpu))));
  return { seconds: round(seconds), cpu, othersCpuSeconds, cores: availableParallelism() };
}

/** CPU seconds that the machine has spent on anything. */
async function busySeconds(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/**
 * The value below which the given share of a histogram's observations lies, over all its series with that label, as
 * Prometheus' histogram_quantile works it out. `since` is the same histogram's text at an earlier time.
 */
export function quantile(text: string, since: string, name: string, label: string, share: number): number {
  const [now, before] = [bucketsOf(text, name, label), bucketsOf(since, name, label)];
  const counts = [...now].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  let [lower, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= share * total) {
      if (!Number.isFinite(bound)) return lower;
      return lower + ((bound - lower) * (share * total - below)) / Math.max(1, count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}

function bucketsOf(text: string, name: string, label: string): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const [, labels = '', count] of text.matchAll(new RegExp(`^${name}_bucket\\{(.*)\\} (\\d+)$`, 'gm'))) {
    const bound = /le="([^"]+)"/.exec(labels)?.[1];
    if (bound === undefined || !labels.includes(label)) continue;
    const at = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(at, (buckets.get(at) ?? 0) + Number(count));
  }
  return new Map([...buckets].sort(([a], [b]) => a - b));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function round(value: number): number {
  return Number(value.toPrecision(5));
}
