import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../../../base/json.ts';
import { readJsonIfThere, writeJsonDurably } from '../../../files/durable-files.ts';
import { type BootTime, isBootTime } from '../../common/boot-time.ts';

/** The record's file in the VM's folder. */
export function domainRecordPath(directory: string): string {
  return join(directory, 'domain.json');
}

/** What the driver must remember of a VM's last start, because Xen cannot tell it. */
export type DomainRecord = {
  readonly uuid: string;
  readonly domain: string;
  /** The bridge that the VM's network card is on. */
  readonly bridge?: string;
  /** Program and arguments by which the domain was made. */
  readonly commandLine: readonly string[];
  /** Set once the domain was made. */
  readonly startedAt?: string;
  /** The same moment as `startedAt`, by a clock that nobody sets. Unknown for a domain that another daemon made. */
  readonly started?: BootTime;
  /** How the guest ended; set once the driver has seen that and removed the domain. */
  readonly ended?: 'Stopped' | 'Crashed';
  /** The file that the VM's memory is being written to. The file is useless if the save was interrupted. */
  readonly saving?: string;
  /** The agent's console may have been unplugged for a save, and not be plugged in again. `parted` on disk. */
  readonly consoleUnplugged?: boolean;
};

/** Undefined when no domain was ever made from this folder, or the file is not a valid record. */
export async function readDomainRecord(directory: string): Promise<DomainRecord | undefined> {
  const read = await readJsonIfThere(domainRecordPath(directory)).catch((error: unknown) => {
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
    ...(parted === true ? { consoleUnplugged: true } : {}),
  };
}

export async function writeDomainRecord(directory: string, record: DomainRecord): Promise<void> {
  const { consoleUnplugged, ...fields } = record;
  await writeJsonDurably(domainRecordPath(directory), { ...fields, parted: consoleUnplugged });
}

export async function removeDomainRecord(directory: string): Promise<void> {
  await rm(domainRecordPath(directory), { force: true });
}

/** Removes the half-written file of a save whose daemon died. The caller makes sure that no xl works on the VM. */
export async function removeInterruptedSave(directory: string): Promise<void> {
  const record = await readDomainRecord(directory);
  if (record?.saving === undefined) return;
  const { saving, ...rest } = record;
  await rm(saving, { force: true });
  await writeDomainRecord(directory, rest);
}
