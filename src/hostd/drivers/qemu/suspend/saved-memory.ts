import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../../../base/json.ts';
import { readJsonIfThere, syncDirectory, writeJsonDurably } from '../../../files/durable-files.ts';
import { fileExists } from '../../../files/if-there.ts';
import type { VmToCapture } from '../../captures.ts';
import type { CheckpointKey } from '../../checkpoints.ts';
import { asKey } from '../checkpoint/key.ts';
import { vmFiles } from '../files.ts';

/** Version of the record's format. A record of another version is refused. */
const FORMAT = 1;

/** The memory of a VM that was suspended. */
export type SavedMemory = {
  /** Path of the file with memory and devices' state, as QEMU sends them. */
  readonly path: string;
  /** What the VM was started with. */
  readonly key: CheckpointKey;
};

/** Where the memory of the VM in this folder is written; it counts from {@link noteSaved} on. */
export function memoryPathIn(directory: string): string {
  return join(directory, vmFiles.suspendedMemory);
}

/** Records, durably, that the memory file is complete: from now on the VM counts as suspended. */
export async function noteSaved({ uuid, directory }: VmToCapture, key: CheckpointKey): Promise<void> {
  await writeJsonDurably(join(directory, vmFiles.suspended), { format: FORMAT, uuid, key });
}

/**
 * The memory with which a VM goes on; undefined for one that was not suspended. Rejects for one that this version cannot read: it is not
 * started without its memory by mistake.
 */
export async function savedMemoryOf({ uuid, directory }: VmToCapture): Promise<SavedMemory | undefined> {
  const path = join(directory, vmFiles.suspended);
  const read = await readJsonIfThere(path);
  if (read === undefined) return undefined;
  const key = isRecord(read) && read.format === FORMAT && read.uuid === uuid ? asKey(read.key) : undefined;
  if (key === undefined) {
    const remedy = 'put the version back that wrote it, or remove the file, and with it the memory';
    throw new Error(`${path} is of another VM, or of another version of Coppice: ${remedy}`);
  }
  return { path: memoryPathIn(directory), key };
}

/**
 * Removes the record, durably, and then the memory file. Called before the VM runs: its guest then changes the disk, which no longer fits the
 * memory. If the daemon is killed in between, a memory file without a record stays; the next call removes it.
 */
export async function forgetMemory(directory: string): Promise<void> {
  const note = join(directory, vmFiles.suspended);
  if (await fileExists(note)) {
    await rm(note);
    await syncDirectory(directory);
  }
  await rm(memoryPathIn(directory), { force: true });
}
