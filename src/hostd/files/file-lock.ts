import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, hostErrors, messageOf } from '../errors/index.ts';

/** What at most one process holds at a time. It ends with the process, however that dies: no lock is ever stale. */
export type Lock = { release(): Promise<void> };

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/** The kernel's lock is only as old as the handle, which a garbage collector would otherwise close. */
const held = new Set<DatabaseSync>();

/**
 * Takes a lock file, made with its directory where it is not there, or resolves with undefined when somebody has it: this
 * process or any other of the machine, in whatever namespaces and by whatever path they see the file.
 *
 * The file is an empty SQLite database with a transaction that never ends: Node has no lock of files itself, and SQLite's
 * are locks of the kernel (fcntl) that also hold within one process. The transaction is IMMEDIATE: of two that come at
 * once exactly one gets it, where EXCLUSIVE may turn both away. https://sqlite.org/lockingv3.html
 */
export async function tryFileLock(path: string): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  createOnce(path);
  const database = open(path);
  try {
    // Nothing is ever written, so there is no journal to leave behind.
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
    throw unusable(path, error);
  }
  held.add(database);
  return {
    release: async () => {
      if (held.delete(database)) database.close();
    },
  };
}

/** Claims a state directory for this daemon alone. */
export async function lockStateDirectory(directory: string): Promise<Lock> {
  const lock = await tryFileLock(join(directory, 'daemon.lock'));
  if (lock === undefined) throw hostErrors.stateDirectoryInUse(directory);
  return lock;
}

/**
 * Others could hold a file that they may read. One that is there is not opened here: with the closing of any handle of it,
 * the kernel lets go of all locks that this process has on it.
 */
function createOnce(path: string): void {
  try {
    closeSync(openSync(path, 'wx', OWNER_ONLY));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): Error {
  return new Error(`${path} cannot be locked: ${messageOf(error)}`, { cause: error });
}
