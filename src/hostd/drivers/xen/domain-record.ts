import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../../base/is-record.ts';
import { readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';
import { type BootTime, isBootTime } from '../common/boot-time.ts';
import { vmFiles } from './files.ts';

/** What stands in `domain.json`: what is known of the VM's last start and cannot be asked of Xen. */
export type Note = {
  readonly uuid: string;
  readonly domain: string;
  /** The bridge that its card is on. */
  readonly bridge?: string;
  /** Program and arguments by which the domain was made. */
  readonly commandLine: readonly string[];
  /** Set once the domain was made. */
  readonly startedAt?: string;
  /** The same moment as `startedAt`, by a clock that nobody sets. Unknown for a domain that another daemon made. */
  readonly started?: BootTime;
  /** How its guest ended, once the driver has seen that and taken the domain away. */
  readonly ended?: 'Stopped' | 'Crashed';
  /** The file that its memory is being written to: of no use when that was interrupted. */
  readonly saving?: string;
  /** The agent's console may have been taken out for a save, and not be back. */
  readonly parted?: boolean;
};

/** Undefined when no domain was ever made from this folder, or what stands there is no note. */
export async function readNote(directory: string): Promise<Note | undefined> {
  const read = await readJsonIfThere(join(directory, vmFiles.note)).catch((error: unknown) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
  if (!isRecord(read) || typeof read.uuid !== 'string' || typeof read.domain !== 'string') return undefined;
  const { uuid, domain, bridge, commandLine, startedAt, started, ended, saving, parted } = read;
  return {
    uuid,
    domain,
    commandLine: Array.isArray(commandLine) ? commandLine.map(String) : [],
    ...(typeof bridge === 'string' ? { bridge } : {}),
    ...(typeof startedAt === 'string' ? { startedAt } : {}),
    ...(isBootTime(started) ? { started } : {}),
    ...(ended === 'Stopped' || ended === 'Crashed' ? { ended } : {}),
    ...(typeof saving === 'string' ? { saving } : {}),
    ...(parted === true ? { parted } : {}),
  };
}

export async function writeNote(directory: string, note: Note): Promise<void> {
  await writeJsonDurably(join(directory, vmFiles.note), note);
}

/** Takes away what a save of the VM's memory left when its daemon died; no xl may be at work on the VM. */
export async function removeInterruptedSave(directory: string): Promise<void> {
  const note = await readNote(directory);
  if (note?.saving === undefined) return;
  const { saving, ...rest } = note;
  await rm(saving, { force: true });
  await writeNote(directory, rest);
}
