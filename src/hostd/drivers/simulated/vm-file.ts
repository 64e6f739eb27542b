import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors/index.ts';
import { readJsonIfThere } from '../../files/durable-files.ts';
import type { BootTime } from '../common/boot-time.ts';
import type { VmObservation } from '../driver.ts';

export type SimulatedNetwork = {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly dns: readonly string[];
};

/** A simulated VM is this file beside its disk: it outlives the daemon as a real VM does. */
export type SimulatedVm = {
  readonly uuid: string;
  readonly domain: string;
  readonly state: VmObservation['state'];
  readonly startedAt: string;
  readonly bootId: string;
  /** The same moment as `startedAt`, by a clock that nobody sets; missing in files of older daemons. */
  readonly started?: BootTime;
  /** Milliseconds from its start until its agent answers. */
  readonly agentAfterMs: number;
  /** Missing in files of older daemons. */
  readonly memoryBytes?: number;
  readonly hostPorts: readonly number[];
  readonly mac: string;
  /** The address of its own, once it was configured in this boot. */
  readonly network?: SimulatedNetwork;
};

/** A file in a simulated guest. It is on the guest's disk, so it survives the VM. */
export type SimulatedFile = {
  /** The whole content, for small files only. */
  readonly text?: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly bootId: string;
  readonly written: BootTime;
};

export type GuestFiles = Readonly<Record<string, SimulatedFile>>;

const VM = 'simulated-vm.json';
const GUEST = 'simulated-guest.json';

export async function readVm(directory: string): Promise<SimulatedVm | undefined> {
  return (await readJsonIfThere(join(directory, VM))) as SimulatedVm | undefined;
}

export function writeVm(directory: string, vm: SimulatedVm): Promise<void> {
  return replace(join(directory, VM), vm);
}

export function removeVm(directory: string): Promise<void> {
  return rm(join(directory, VM), { force: true });
}

export async function readGuestFiles(directory: string): Promise<GuestFiles> {
  return ((await readJsonIfThere(join(directory, GUEST))) ?? {}) as GuestFiles;
}

export function writeGuestFiles(directory: string, files: GuestFiles): Promise<void> {
  return replace(join(directory, GUEST), files);
}

async function replace(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, JSON.stringify(value));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    // The appliance was deleted meanwhile, and the simulated VM with it.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
