import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MachineUse, VmObservation, VmUse } from '../drivers/driver.ts';
import { codeOf } from '../errors/index.ts';

/** The kernel's clock tick, in which /proc counts CPU time: 100 per second on every Linux that runs Node. */
const MILLIS_PER_TICK = 10;

/** The machine as the operating system sees it; the VMs are processes. https://docs.kernel.org/filesystems/proc.html */
export async function measureProcesses(
  proc: string,
  observations: readonly VmObservation[],
): Promise<MachineUse> {
  const [busyMillis, usedMemoryBytes, vms] = await Promise.all([
    busyOfAll(proc),
    memoryOfAll(proc),
    Promise.all(observations.map((vm) => useOf(proc, vm))),
  ]);
  return {
    cpuMillis: availableParallelism() * 1000,
    memoryBytes: totalmem(),
    busyMillis,
    usedMemoryBytes,
    vms: vms.filter((vm) => vm !== undefined),
  };
}

/** The fields: user nice system idle iowait irq softirq steal … */
async function busyOfAll(proc: string): Promise<number> {
  const [line = ''] = (await readFile(join(proc, 'stat'), 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * MILLIS_PER_TICK;
}

async function memoryOfAll(proc: string): Promise<number> {
  const text = await readFile(join(proc, 'meminfo'), 'utf8');
  return bytesIn(text, 'MemTotal') - bytesIn(text, 'MemAvailable');
}

/**
 * What the VM's process uses; undefined when it has ended. Its memory is what `memoryOfAll` counts of it: pages of files, which
 * the kernel can drop, are in neither.
 */
async function useOf(proc: string, { uuid, pid }: VmObservation): Promise<VmUse | undefined> {
  if (pid === undefined) return undefined;
  const [stat, status] = await Promise.all([ofProcess(proc, pid, 'stat'), ofProcess(proc, pid, 'status')]);
  if (stat === undefined || status === undefined) return undefined;
  // The command's name, in parentheses, may contain blanks: the fields that count begin behind it, at field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    uuid,
    busyMillis: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * MILLIS_PER_TICK,
    memoryBytes: bytesIn(status, 'RssAnon') + bytesIn(status, 'RssShmem'),
  };
}

function bytesIn(text: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+([0-9]+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

async function ofProcess(proc: string, pid: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(join(proc, String(pid), file), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
