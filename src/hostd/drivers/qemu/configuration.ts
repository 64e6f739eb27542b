import { join } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';
import type { VmSpec } from '../driver.ts';
import { vmFiles } from './files.ts';

/** The content of `vm.json` (SO-MVDS section 4.1): the VM as it was last started. */
type VmConfiguration = VmSpec & {
  readonly accelerator: string;
  /** Program and arguments; the working directory is the VM's folder. */
  readonly commandLine: readonly string[];
};

export async function writeConfiguration(configuration: VmConfiguration): Promise<void> {
  await writeJsonDurably(join(configuration.directory, vmFiles.configuration), configuration);
}

type KnownConfiguration = Pick<VmConfiguration, 'uuid' | 'accelerator' | 'commandLine'> & {
  /** Set when the VM is connected to a bridge. */
  readonly bridge?: string;
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
  };
}
