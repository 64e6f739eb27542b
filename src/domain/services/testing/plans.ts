import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceRequestError } from '../errors.ts';
import type { GuestAction } from '../types.ts';

type Exec = Extract<GuestAction, { kind: 'exec' }>;

export function execOf(action: GuestAction | undefined): Exec {
  if (action?.kind !== 'exec') throw new Error(`expected an exec, not ${action?.kind}`);
  return action;
}

/** The values that a script gets, after the shell, -c, the script and its name. */
export function valuesOf(action: GuestAction | undefined): readonly string[] {
  return execOf(action).argv.slice(4);
}

/** Runs the action here, with a folder in place of each of the guest's `folders`. */
export function runHere(action: GuestAction | undefined, folders: RegExp, folder: string): void {
  const { argv, env } = execOf(action);
  const [shell = '', ...args] = argv.map((word) => word.replaceAll(folders, folder));
  execFileSync(shell, args, { env: { PATH: process.env.PATH, ...env } });
}

export function reasonOf(plan: () => unknown): string {
  try {
    plan();
  } catch (error) {
    if (error instanceof ServiceRequestError) return error.reason;
    throw error;
  }
  return 'no error';
}

/** Calls `use` with a folder that is removed afterwards. */
export function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'coppice-plan-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
