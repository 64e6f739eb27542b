import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Version of the tables and their content; stored in the file's `user_version`. */
const FORMAT = 1;
const OWNER_ONLY = 0o600;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

const TABLES = {
  objects: `bucket TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (bucket, key)) WITHOUT ROWID`,
  changes: `revision INTEGER PRIMARY KEY, type TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
    json TEXT NOT NULL, previous_revision INTEGER, previous_json TEXT, at INTEGER NOT NULL)`,
  facts: 'name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID',
} as const;

/**
 * Opens the database, and creates it if there is no file. WAL with `synchronous=FULL`: a commit that has returned survives a power
 * cut. The exclusive lock prevents a second server from using the same file. A file that is empty, cut or damaged is refused: with what
 * is left of it, the server would tell every client that the lost objects were deleted.
 *
 * @param path a file, or `:memory:`
 */
export function openDatabase(path: string): DatabaseSync {
  if (path !== ':memory:') {
    if (existsSync(path)) refuseEmpty(path);
    else createFile(path);
  }
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;');
    if (path === ':memory:') createTables(database);
    refuseNewer(database, path);
    refuseDamaged(database, path);
    return database;
  } catch (error) {
    database.close();
    const { errcode, message } = error as Error & { errcode?: number };
    if (errcode !== SQLITE_CORRUPT && errcode !== SQLITE_NOTADB) throw error;
    throw damaged(path, message, error);
  }
}

export function damaged(path: string, what: string, cause?: unknown): Error {
  return new Error(
    `the database ${path} is damaged (${what}), and objects would be lost: move away all files whose names begin so, since an old ` +
      'journal spoils another database; then put back a copy made while the server was stopped, or start with an empty cluster',
    { cause },
  );
}

/** SQLite would take an empty file for a new database, and discard the journal, in which the objects may still be. */
function refuseEmpty(path: string): void {
  if (statSync(path).size === 0) throw damaged(path, 'it was cut to 0 bytes');
}

/** The file that keeps space for the database; it also shows that there was one. */
export function reserveOf(path: string): string {
  return `${path}.reserve`;
}

/** Creates the whole file or none: one that is empty, or without tables, was damaged later. It contains Secrets, as its journals do. */
function createFile(path: string): void {
  const left = [`${path}-wal`, reserveOf(path)].filter((name) => existsSync(name));
  if (left.length > 0) throw damaged(path, `the file is gone, but ${left.join(' and ')} is there`);
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    closeSync(openSync(temporary, 'wx', OWNER_ONLY));
    const database = new DatabaseSync(temporary);
    try {
      createTables(database);
    } finally {
      database.close();
    }
    // Unlike a renamed one, a link never replaces a file that another server has created meanwhile.
    linkSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function createTables(database: DatabaseSync): void {
  const statements = Object.entries(TABLES).map(([name, rest]) => `CREATE TABLE ${name} (${rest};`);
  database.exec(`BEGIN; ${statements.join(' ')} PRAGMA user_version=${FORMAT}; COMMIT`);
}

/** Refuses a file of a newer format, which this version could damage. */
function refuseNewer(database: DatabaseSync, path: string): void {
  const row = database.prepare('PRAGMA user_version').get();
  const found = Number(row?.user_version ?? 0);
  if (found <= FORMAT) return;
  throw new Error(
    `${path} has storage format ${found}, this version reads up to ${FORMAT}: use the version that wrote it, or a newer one`,
  );
}

function refuseDamaged(database: DatabaseSync, path: string): void {
  const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const names = rows.map(({ name }) => name);
  const missing = Object.keys(TABLES).filter((name) => !names.includes(name));
  if (missing.length > 0) throw damaged(path, `it has no table ${missing.join(', ')}`);
  const found = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {}).join();
  if (found !== 'ok') throw damaged(path, found);
}
