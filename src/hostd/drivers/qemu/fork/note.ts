import { readlink, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PARTIAL_SUFFIX, syncDirectory } from '../../../files/durable-files.ts';
import { ifThere } from '../../../files/if-there.ts';
import { vmFiles } from '../files.ts';

/** What a daemon needs to know to clean up after a fork that another daemon began and did not end. */
export type ForkNote = {
  /** The folder that it is, or was, written to. */
  readonly partial: string;
  /** The source was paused before, and is to stay so. */
  readonly wasPaused: boolean;
};

const NAMES = { running: vmFiles.fork, paused: vmFiles.pausedFork } as const;

/** Notes in the source's folder that a fork begins. The note is a link, through which QEMU finds the filler's socket by a short path. */
export async function writeNote(directory: string, { partial, wasPaused }: ForkNote): Promise<void> {
  await symlink(partial, join(directory, nameOfNote(wasPaused)));
  await syncDirectory(directory);
}

/** Path of the folder that is written, from the source's. */
export function nameOfNote(wasPaused: boolean): string {
  return wasPaused ? NAMES.paused : NAMES.running;
}

/** Undefined when nothing of a fork is left. */
export async function readNote(directory: string): Promise<ForkNote | undefined> {
  for (const [state, name] of Object.entries(NAMES)) {
    const partial = await ifThere(readlink(join(directory, name)));
    // Only such a folder is ever removed.
    if (partial !== undefined && basename(partial).endsWith(PARTIAL_SUFFIX))
      return { partial, wasPaused: state === 'paused' };
  }
  return undefined;
}

/** The last thing that happens to a fork. */
export async function removeNote(directory: string): Promise<void> {
  for (const name of Object.values(NAMES)) await rm(join(directory, name), { force: true });
  await syncDirectory(directory);
}
