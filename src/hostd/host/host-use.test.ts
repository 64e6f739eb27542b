import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import type { MachineUse, VmObservation } from '../drivers/driver.ts';
import { HostUse } from './host-use.ts';

let proc: string;
beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'coppice-proc-'));
});
afterEach(() => rm(proc, { recursive: true, force: true }));

/** A clock that is moved by hand. */
function movableClock() {
  let now = 0;
  const clock: Clock = { ...createFakeClock(), monotonic: () => now };
  return { clock, set: (ms: number) => (now = ms) };
}

async function writeProcess(pid: number, ticks: number, pages: number): Promise<void> {
  await mkdir(join(proc, String(pid)), { recursive: true });
  const fields = ['S', ...Array.from({ length: 10 }, () => '0'), String(ticks), '0', '0'];
  await writeFile(join(proc, String(pid), 'stat'), `${pid} (a name) with) blanks) ${fields.join(' ')}\n`);
  await writeFile(join(proc, String(pid), 'statm'), `999 ${pages} 1 1 0 1 0\n`);
}

/** VMs that are these processes. */
function vmsOf(...pids: readonly number[]): VmObservation[] {
  return pids.map((pid) => ({ uuid: `uuid-${pid}`, state: 'Running', pid }));
}

describe('the use of a host', () => {
  it('is that of all processes when the host is all of the machine', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
    await writeFile(join(proc, 'meminfo'), 'MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n');
    await writeFile(join(proc, 'stat'), 'cpu  100 0 100 5000 0 0 0 0 0 0\ncpu0 1 1 1\n');
    expect((await use.measure([])).used).toMatchObject({ cpuMillis: 0, memoryBytes: 600 * 1024 });
    set(1000);
    await writeFile(join(proc, 'stat'), 'cpu  200 0 150 5050 0 0 0 0 0 0\ncpu0 1 1 1\n');
    expect((await use.measure([])).used.cpuMillis).toBe(1500);
  });

  it('is that of its own VMs when it has a share of the machine', async () => {
    const { clock, set } = movableClock();
    const override = { cpuMillis: 1000, memoryBytes: 1_000_000 };
    const use = new HostUse({ clock, override, stateDirectory: proc, proc });
    await writeProcess(7, 100, 10);
    await use.measure(vmsOf(7));
    set(2000);
    await writeProcess(7, 150, 20);
    const { capacity, used } = await use.measure(vmsOf(7, 8));
    expect(capacity).toMatchObject(override);
    expect(used).toMatchObject({ cpuMillis: 250, memoryBytes: 20 * 4096 });
  });

  it('does not hide what the others take when a VM ends', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: { cpuMillis: 1000 }, stateDirectory: proc, proc });
    await writeProcess(7, 900, 10);
    await writeProcess(8, 100, 10);
    await use.measure(vmsOf(7, 8));
    set(1000);
    await writeProcess(8, 130, 10);
    expect((await use.measure(vmsOf(8))).used.cpuMillis).toBe(300);
  });

  it('is never negative, though a VM that ended takes its time with it', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: { cpuMillis: 1000 }, stateDirectory: proc, proc });
    await writeProcess(7, 100, 10);
    await use.measure(vmsOf(7));
    set(1000);
    expect((await use.measure([])).used).toMatchObject({ cpuMillis: 0, memoryBytes: 0 });
  });

  describe('where the hypervisor owns the machine', () => {
    const GIB = 1024 ** 3;
    const machine: MachineUse = {
      cpuMillis: 8000,
      memoryBytes: 64 * GIB,
      busyMillis: 0,
      usedMemoryBytes: GIB,
    };

    it('is what the hypervisor says, not what the operating system here sees', async () => {
      const { clock, set } = movableClock();
      const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
      let busyMillis = 5000;
      const hypervisor = async () => ({ ...machine, busyMillis });
      await use.measure([], hypervisor);
      set(1000);
      busyMillis = 8000;
      const { capacity, used } = await use.measure([], hypervisor);
      expect(capacity).toMatchObject({ cpuMillis: 8000, memoryBytes: 64 * GIB });
      expect(used).toMatchObject({ cpuMillis: 3000, memoryBytes: GIB });
    });

    it('counts only its own VMs when it has a share of the machine', async () => {
      const { clock } = movableClock();
      const use = new HostUse({ clock, override: { memoryBytes: GIB }, stateDirectory: proc, proc });
      const asked: unknown[] = [];
      const hypervisor = async (own?: readonly string[]) => {
        asked.push(own);
        return machine;
      };
      const { capacity } = await use.measure(vmsOf(7), hypervisor);
      expect(asked).toEqual([['uuid-7']]);
      expect(capacity).toMatchObject({ cpuMillis: 8000, memoryBytes: GIB });
    });

    it('takes no difference between the counters of two sources', async () => {
      const { clock, set } = movableClock();
      const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
      await writeFile(join(proc, 'meminfo'), 'MemTotal:  1000 kB\nMemAvailable:  400 kB\n');
      await writeFile(join(proc, 'stat'), 'cpu  100 0 100 5000 0 0 0 0 0 0\n');
      await use.measure([]);
      set(1000);
      const { used } = await use.measure([], async () => ({ ...machine, busyMillis: 900_000 }));
      expect(used.cpuMillis).toBe(0);
    });
  });
});
