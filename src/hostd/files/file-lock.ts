import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, hostErrors, messageOf } from '../errors/index.ts';

/** A lock that at most one process holds at a time. It ends with the process, however that dies, so it is never stale. */
export type Lock = { release(): Promise<void> };

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/** Keeps the handles alive: the kernel's lock ends with its handle, which the garbage collector would otherwise close. */
const held = new Set<DatabaseSync>();

/**
 * Locks a file, and creates it with its directory if necessary. Resolves with undefined when it is already locked: by this process
 * or any other on the machine, in whatever namespaces and under whatever path they see the file.
 *
 * The file is an empty SQLite database with a transaction that never ends. Node itself has no file locks; SQLite's are locks of the
 * kernel (fcntl) that also hold within one process. The transaction is IMMEDIATE: of two simultaneous attempts exactly one succeeds,
 * while with EXCLUSIVE both may fail. https://sqlite.org/lockingv3.html
 */
export async function tryFileLock(path: string): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  createOnce(path);
  const database = open(path);
  try {
    // Nothing is ever written; with a journal in memory no journal file is left behind.
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

/** Locks a state directory for this daemon. Rejects with `StateDirectoryInUse` when another daemon has it. */
export async function lockStateDirectory(directory: string): Promise<Lock> {
  const lock = await tryFileLock(join(directory, 'daemon.lock'));
  if (lock === undefined) throw hostErrors.stateDirectoryInUse(directory);
  return lock;
}

/**
 * Creates the file for its owner only, because anybody who may read a file can lock it. An existing file is not opened here: when any
 * handle of it is closed, the kernel drops all locks that this process has on it.
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
