import { join, resolve } from 'node:path';
import { isRecord } from '../../../../base/json.ts';
import { readJsonIfThere, writeJsonDurably } from '../../../files/durable-files.ts';
import type { CheckpointFiles, CheckpointKey } from '../../checkpoints.ts';
import { contentFiles } from './content.ts';
import { asKey } from './key.ts';

/** The format of a checkpoint's folder; another one's is not read. */
const FORMAT = 1;

/** The files that one pause left: each has a digest. */
export const PARTS = ['memory', 'state', 'disk', 'dataDisk'] as const;
export type Part = (typeof PARTS)[number];

/** What is in a checkpoint's folder, written last. */
export type CheckpointRecord = {
  /** Of the VM that was saved. */
  readonly uuid: string;
  readonly key: CheckpointKey;
  /** Of the content of each file; there is none for a data disk that the VM did not have. */
  readonly digests: Readonly<Partial<Record<Part, string>>>;
};

export async function writeRecord(folder: string, record: CheckpointRecord): Promise<void> {
  await writeJsonDurably(join(folder, contentFiles.record), { format: FORMAT, ...record });
}

/** Undefined when there is no checkpoint, or one of another format. */
export async function readRecord(folder: string): Promise<CheckpointRecord | undefined> {
  let read: unknown;
  try {
    read = await readJsonIfThere(join(folder, contentFiles.record));
  } catch (error) {
    // What is no JSON is no checkpoint; any other error is a fault of the host.
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!isRecord(read) || read.format !== FORMAT || !isRecord(read.digests)) return undefined;
  const { uuid, digests } = read;
  const key = asKey(read.key);
  if (key === undefined || typeof uuid !== 'string') return undefined;
  const known = PARTS.flatMap((part) => {
    const digest = digests[part];
    return typeof digest === 'string' ? [[part, digest]] : [];
  });
  return { uuid, key, digests: Object.fromEntries(known) as CheckpointRecord['digests'] };
}

/** What VMs continue from. */
export type Saved = {
  /** How errors name it. */
  readonly name: string;
  readonly files: CheckpointFiles;
  /** Of the files' content, for those that nobody else looks after. */
  readonly digests: CheckpointRecord['digests'];
};

/** The checkpoint in a folder; undefined when there is no whole one. */
export async function savedIn(folder: string): Promise<Saved | undefined> {
  const record = await readRecord(folder);
  if (record === undefined) return undefined;
  const { key, digests } = record;
  const { memory, state, disk, dataDisk } = contentFiles;
  const data = digests.dataDisk === undefined ? {} : { dataDisk: resolve(folder, dataDisk) };
  const files = {
    memory: resolve(folder, memory),
    state: resolve(folder, state),
    disk: resolve(folder, disk),
  };
  return { name: folder, files: { ...files, ...data, key }, digests };
}
