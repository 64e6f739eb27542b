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
beforeEach(() => writeMachine(0, 0));
afterEach(() => rm(proc, { recursive: true, force: true }));

/** A clock that is moved by hand. */
function movableClock() {
  let now = 0;
  const clock: Clock = { ...createFakeClock(), monotonic: () => now };
  return { clock, set: (ms: number) => (now = ms) };
}

async function writeMachine(ticks: number, usedKib: number): Promise<void> {
  await writeFile(join(proc, 'meminfo'), `MemTotal:  100000 kB\nMemAvailable:  ${100_000 - usedKib} kB\n`);
  await writeFile(join(proc, 'stat'), `cpu  ${ticks} 0 0 5000 0 0 0 0 0 0\n`);
}

async function writeProcess(pid: number, ticks: number, kibibytes: number): Promise<void> {
  await mkdir(join(proc, String(pid)), { recursive: true });
  const fields = ['S', ...Array.from({ length: 10 }, () => '0'), String(ticks), '0', '0'];
  await writeFile(join(proc, String(pid), 'stat'), `${pid} (a name) with) blanks) ${fields.join(' ')}\n`);
  const memory = `VmRSS:\t  99999 kB\nRssAnon:\t  ${kibibytes} kB\nRssFile:\t  90 kB\nRssShmem:\t  1 kB\n`;
  await writeFile(join(proc, String(pid), 'status'), `Name:\tqemu\n${memory}`);
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
    expect(used).toMatchObject({ cpuMillis: 250, memoryBytes: 21 * 1024 });
  });

  it('says how much of it each of its own VMs takes', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
    await writeMachine(1000, 5000);
    await writeProcess(7, 100, 999);
    expect((await use.measure(vmsOf(7))).vmUse).toEqual([
      { uuid: 'uuid-7', cpuMillis: 0, memoryBytes: 1_024_000 },
    ]);
    set(1000);
    await writeMachine(1150, 5000);
    await writeProcess(7, 150, 999);
    const { used, vmUse } = await use.measure(vmsOf(7));
    expect(used).toMatchObject({ cpuMillis: 1500, memoryBytes: 5_120_000 });
    expect(vmUse).toEqual([{ uuid: 'uuid-7', cpuMillis: 500, memoryBytes: 1_024_000 }]);
  });

  it('takes of a VM that it sees for the first time only what it used since the last look', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
    await use.measure([]);
    set(1000);
    await Promise.all([writeProcess(7, 50, 1), writeProcess(8, 9000, 1), writeProcess(9, 9000, 1)]);
    const [young, old, unknown] = vmsOf(7, 8, 9);
    const vms = [{ ...young, runningForMs: 900 }, { ...old, runningForMs: 90_000 }, unknown];
    const { vmUse } = await use.measure(vms as VmObservation[]);
    expect(vmUse?.map(({ cpuMillis }) => cpuMillis)).toEqual([500, 0, 0]);
  });

  it('takes of a VM that was started again what it used since', async () => {
    const { clock, set } = movableClock();
    const use = new HostUse({ clock, override: {}, stateDirectory: proc, proc });
    await writeProcess(7, 9000, 1);
    await use.measure(vmsOf(7));
    set(1000);
    await writeProcess(7, 30, 1);
    expect((await use.measure(vmsOf(7))).vmUse?.[0]?.cpuMillis).toBe(300);
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
      vms: [
        { uuid: 'uuid-7', busyMillis: 300, memoryBytes: GIB / 4 },
        { uuid: 'dom0', busyMillis: 9000, memoryBytes: GIB / 2 },
      ],
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
      const { capacity, used, vmUse } = await use.measure(vmsOf(7), async () => machine);
      expect(capacity).toMatchObject({ cpuMillis: 8000, memoryBytes: GIB });
      expect(used).toMatchObject({ cpuMillis: 0, memoryBytes: GIB / 4 });
      expect(vmUse).toEqual([{ uuid: 'uuid-7', cpuMillis: 0, memoryBytes: GIB / 4 }]);
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
