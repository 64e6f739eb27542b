import { join } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';
import type { CheckpointKey } from '../checkpoints.ts';
import type { VmSpec } from '../vm.ts';
import { asKey } from './checkpoint/key.ts';
import { vmFiles } from './files.ts';

/** The content of `vm.json` (SO-MVDS section 4.1): the VM as it was last started. */
type VmConfiguration = VmSpec & {
  readonly accelerator: string;
  /** Program and arguments; the working directory is the VM's folder. */
  readonly commandLine: readonly string[];
  /** What a checkpoint of it will depend on. */
  readonly checkpointKey: CheckpointKey;
  /** Of a VM that continues from a checkpoint, until it is connected. */
  readonly isTwin?: true;
};

export async function writeConfiguration(configuration: VmConfiguration): Promise<void> {
  await writeJsonDurably(join(configuration.directory, vmFiles.configuration), configuration);
}

type KnownConfiguration = Pick<VmConfiguration, 'uuid' | 'accelerator' | 'commandLine'> & {
  /** Set when the VM is connected to a bridge. */
  readonly bridge?: string;
  readonly isTwin?: true;
};

/** The parts of the configuration that the driver needs again; undefined when the VM was never started from this folder. */
export async function readConfiguration(directory: string): Promise<KnownConfiguration | undefined> {
  const read = await readJsonIfThere(join(directory, vmFiles.configuration));
  if (!isRecord(read)) return undefined;
  const { uuid, accelerator, commandLine, network } = read;
  const bridge = isRecord(network) && typeof network.bridge === 'string' ? { bridge: network.bridge } : {};
  return {
    uuid: String(uuid),
    accelerator: String(accelerator),
    commandLine: Array.isArray(commandLine) ? commandLine.map(String) : [],
    ...bridge,
    ...(read.isTwin === true ? { isTwin: true } : {}),
  };
}

/** What of a VM's configuration a checkpoint is made from. */
export type Saveable = {
  readonly key: CheckpointKey;
  readonly disks: { readonly [which in 'disk' | 'dataDisk']?: SaveableDisk };
  /** Whether its memory is in a file that the daemon can read. */
  readonly isCapturable: boolean;
};

type SaveableDisk = {
  readonly path: string;
  /** Path of the file that it stands on, where the VM was given one; else its header says it. */
  readonly layer?: string;
};

/** Undefined for a VM that an older daemon started. */
export async function readSaveable(directory: string): Promise<Saveable | undefined> {
  const read = await readJsonIfThere(join(directory, vmFiles.configuration));
  if (!isRecord(read)) return undefined;
  const key = asKey(read.checkpointKey);
  if (key === undefined) return undefined;
  const disks = (['disk', 'dataDisk'] as const).flatMap((which) => {
    const disk = read[which];
    if (!isRecord(disk) || typeof disk.path !== 'string') return [];
    const layer: unknown = Array.isArray(disk.layers) ? disk.layers[0] : undefined;
    return [[which, { path: disk.path, ...(typeof layer === 'string' ? { layer } : {}) }]];
  });
  return { key, disks: Object.fromEntries(disks), isCapturable: read.capturable === true };
}

/** The VM is connected from now on, also after a restart of the daemon. */
export async function noteConnected(directory: string): Promise<void> {
  const path = join(directory, vmFiles.configuration);
  const read = await readJsonIfThere(path);
  if (isRecord(read)) await writeJsonDurably(path, { ...read, isTwin: undefined });
}
