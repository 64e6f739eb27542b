import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { connectIn } from '../../src/hostd/drivers/common/socket.ts';
import { AgentClient } from '../../src/hostd/guest/agent.ts';
import { createAgentGuest } from '../../src/hostd/guest/agent-guest.ts';
import type { Guest, GuestExecResult } from '../../src/hostd/guest/guest.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { buildDom0Image } from './image.ts';
import {
  addForward,
  endMachine,
  type Forward,
  type MachineSize,
  machineFiles,
  machineOutput,
  startMachine,
} from './machine.ts';

const execute = promisify(execFile);

/** dom0 answers 10 s after its start on an idle machine, and after minutes on a busy one. */
const bootLimitMs = 600_000;
const runLimitMs = 600_000;
const pollMs = 200;

/** Enough for dom0 with a daemon, and four VMs of 160 MiB. */
const defaultSize: MachineSize = { memoryMiB: 2048, dom0MemoryMiB: 1024 };

/** dom0's own address on its bridge `br0`; VMs get others of 10.0.2.0/24 (gateway 10.0.2.2, DNS 10.0.2.3). */
export const dom0Address = '10.0.2.15';

/** What is known of a running dom0 after the process that started it has ended: `record.json` in its folder. */
type Record = { readonly pid: number; readonly size: MachineSize; readonly forwards: readonly Forward[] };

/**
 * A host with a real Xen, emulated by QEMU. This checkout is mounted at /coppice, read-only and always up to date. The folder `share`
 * is mounted at /share; both sides may write to it.
 */
export class Dom0 {
  readonly folder: string;
  readonly #detached: boolean;
  #record: Record;
  #guest: Guest | undefined;

  private constructor(folder: string, record: Record, detached: boolean) {
    this.folder = folder;
    this.#record = record;
    this.#detached = detached;
  }

  /**
   * Boots a new dom0 on an empty overlay of the image. Resolves when dom0 can run programs. It ends with this process, unless it is
   * `detached`: then give it a folder, by which `Dom0.find` finds it again.
   */
  static async boot(
    options: Partial<MachineSize> & { readonly folder?: string; readonly detached?: boolean } = {},
  ): Promise<Dom0> {
    const { folder = await mkdtemp(join(tmpdir(), 'coppice-dom0-')), detached = false, ...size } = options;
    await mkdir(join(folder, machineFiles.share), { recursive: true });
    const { disk } = await buildDom0Image();
    const overlay = join(folder, machineFiles.disk);
    await execute('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', disk, '-F', 'qcow2', overlay]);
    const record = { pid: 0, size: { ...defaultSize, ...size }, forwards: [] };
    const dom0 = new Dom0(folder, record, detached);
    try {
      await dom0.#start();
      return dom0;
    } catch (error) {
      await dom0.close();
      throw error;
    }
  }

  /** The detached dom0 that runs in this folder; undefined when there is none. */
  static async find(folder: string): Promise<Dom0 | undefined> {
    const text = await readFile(join(folder, 'record.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    const record = JSON.parse(text) as Record;
    return (await runsIn(record.pid, folder)) ? new Dom0(folder, record, true) : undefined;
  }

  /** Runs a program in dom0 to its end. The first of `argv` is its path. */
  async exec(argv: readonly string[], timeoutMs = runLimitMs): Promise<GuestExecResult> {
    return this.#agent().exec(argv, { timeoutMs });
  }

  /** As `exec`, but resolves with standard output, and rejects with all output when the program fails. */
  async run(argv: readonly string[], timeoutMs = runLimitMs): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(argv, timeoutMs);
    if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Copies a file of this machine into dom0, completely or not at all. */
  async copyIn(source: string, target: string): Promise<void> {
    const name = randomUUID();
    const shared = join(this.folder, machineFiles.share, name);
    try {
      await copyFile(source, shared);
      await this.run(['/bin/cp', `/share/${name}`, `${target}.${name}`]);
      await this.run(['/bin/mv', `${target}.${name}`, target]);
    } finally {
      await rm(shared, { force: true });
    }
  }

  /** Copies a file of dom0 to this machine. */
  async copyOut(source: string, target: string): Promise<void> {
    const name = randomUUID();
    const shared = join(this.folder, machineFiles.share, name);
    try {
      await this.run(['/bin/cp', source, `/share/${name}`]);
      await this.run(['/bin/chmod', '0644', `/share/${name}`]);
      await copyFile(shared, target);
    } finally {
      await rm(shared, { force: true });
    }
  }

  /**
   * The port of 127.0.0.1 that leads to this port of dom0, or of a VM on its bridge. It is the same at each call and after a reboot.
   * Nothing needs to listen there yet.
   */
  async forward(address: string, port: number): Promise<number> {
    const { forwards } = this.#record;
    const known = forwards.find((forward) => forward.address === address && forward.port === port);
    if (known !== undefined) return known.hostPort;
    const [hostPort = 0] = await freePorts(1);
    const forward = { address, port, hostPort };
    await addForward(this.folder, forward);
    await this.#keep({ ...this.#record, forwards: [...forwards, forward] });
    return hostPort;
  }

  /** All that Xen and dom0 wrote to the console since the first boot. */
  async console(): Promise<string> {
    return readFile(join(this.folder, machineFiles.console), 'utf8');
  }

  /**
   * Reboots from the same disk. `power-cut` loses what was not written yet, and VMs are not shut down; `orderly` is dom0's own reboot.
   */
  async reboot(how: 'power-cut' | 'orderly'): Promise<void> {
    if (how === 'orderly') {
      await this.run(['/usr/sbin/reboot']);
      while (await runsIn(this.#record.pid, this.folder)) await delay(pollMs);
    }
    await this.#end();
    await this.#start();
  }

  /** Ends dom0 with all its VMs and removes its folder. */
  async close(): Promise<void> {
    await this.#end();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Disconnects from a detached dom0, which keeps running. */
  leave(): void {
    this.#guest?.close();
    this.#guest = undefined;
  }

  async #end(): Promise<void> {
    this.leave();
    if (await runsIn(this.#record.pid, this.folder)) await endMachine(this.#record.pid);
  }

  async #start(): Promise<void> {
    const { size, forwards } = this.#record;
    const qemu = await startMachine(await buildDom0Image(), this.folder, size, forwards, this.#detached);
    await this.#keep({ ...this.#record, pid: qemu.pid ?? 0 });
    const deadline = Date.now() + bootLimitMs;
    const ended = () => qemu.exitCode !== null || qemu.signalCode !== null;
    while (!(await this.#answers())) {
      if (ended() || Date.now() > deadline) {
        const what = ended() ? 'QEMU ended' : `dom0 did not answer within ${bootLimitMs / 1000} s`;
        throw new Error(`${what}:\n${await machineOutput(this.folder)}`);
      }
      await delay(pollMs);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#agent().ping(5_000);
      return true;
    } catch {
      return false; // still booting
    }
  }

  #agent(): Guest {
    if (this.#guest === undefined) {
      const agent = new AgentClient(systemClock, () =>
        connectIn(systemClock, this.folder, machineFiles.agent, bootLimitMs),
      );
      this.#guest = createAgentGuest({ clock: systemClock, agent }, () => agent.end());
    }
    return this.#guest;
  }

  async #keep(record: Record): Promise<void> {
    this.#record = record;
    const file = join(this.folder, 'record.json');
    await writeFile(`${file}.tmp`, JSON.stringify(record));
    await rename(`${file}.tmp`, file);
  }
}

/** Whether this process is the QEMU of this folder, and not another process that got its number. */
async function runsIn(pid: number, folder: string): Promise<boolean> {
  if (pid === 0) return false;
  try {
    const [command, here, there] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      stat(folder),
      stat(`/proc/${pid}/cwd`),
    ]);
    return command.includes('qemu-system-') && here.ino === there.ino && here.dev === there.dev;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
