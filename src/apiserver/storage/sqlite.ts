import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KubeObject } from '../types.ts';
import { damaged, openDatabase, reserveOf } from './database.ts';
import { Reserve } from './reserve.ts';
import type { Change, ChangeType, StoredObject } from './store.ts';

const MIB = 1024 * 1024;
const SQLITE_FULL = 13;
/** What SQLite makes of a quota that is used up, among other things. */
const SQLITE_IOERR_WRITE = 778;

/** Whether a write failed for want of space. */
export function isFull(error: unknown): boolean {
  return (error as { errcode?: number }).errcode === SQLITE_FULL;
}

/** Whether a write that failed may succeed with more space. */
export function mayNeedSpace(error: unknown): boolean {
  return isFull(error) || (error as { errcode?: number }).errcode === SQLITE_IOERR_WRITE;
}

/** The content of the file at start. */
interface Loaded {
  objects: { bucket: string; stored: StoredObject }[];
  changes: Change[];
  compactedRevision: number;
}

interface ObjectRow {
  bucket: string;
  key: string;
  revision: number;
  json: string;
}

interface ChangeRow extends ObjectRow {
  type: ChangeType;
  previous_revision: number | null;
  previous_json: string | null;
  at: number;
}

function stored(key: string, revision: number, json: string): StoredObject {
  return { key, revision, json, object: JSON.parse(json) as KubeObject };
}

function changeOf(row: ChangeRow): Change {
  const { previous_json: json, previous_revision: revision } = row;
  return {
    type: row.type,
    bucket: row.bucket,
    revision: row.revision,
    current: stored(row.key, row.revision, row.json),
    previous: json === null || revision === null ? undefined : stored(row.key, revision, json),
    at: row.at,
  };
}

/** The SQLite file of the store, and the space that is kept for it. A commit that has returned survives a power cut. */
export class SqliteFile {
  readonly path: string;
  readonly reserve: Reserve;
  readonly #db: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #delete: StatementSync;
  readonly #log: StatementSync;

  /**
   * @param path a file, or `:memory:`
   * @param reserveBytes how much space to keep for deletions
   */
  constructor(path: string, reserveBytes = path === ':memory:' ? 0 : 8 * MIB) {
    this.path = path;
    this.reserve = new Reserve(reserveOf(path), reserveBytes);
    this.#db = openDatabase(path);
    this.#upsert = this.#db.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
    this.#delete = this.#db.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?');
    this.#log = this.#db.prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.reserve.take();
  }

  load(): Loaded {
    const objects = this.#db.prepare('SELECT * FROM objects').all() as unknown as ObjectRow[];
    const changes = this.#db
      .prepare('SELECT * FROM changes ORDER BY revision')
      .all() as unknown as ChangeRow[];
    try {
      return {
        objects: objects.map((row) => ({
          bucket: row.bucket,
          stored: stored(row.key, row.revision, row.json),
        })),
        changes: changes.map(changeOf),
        compactedRevision: this.#fact('compacted') ?? 0,
      };
    } catch (error) {
      this.close();
      if (error instanceof SyntaxError) throw damaged(this.path, error.message, error);
      throw error;
    }
  }

  /** Writes all changes and removes history up to `compactTo`, in one transaction. */
  commit(changes: readonly Change[], compactTo: number | undefined): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      // First, so that what follows uses the space that this frees.
      if (compactTo !== undefined) {
        this.#db.prepare('DELETE FROM changes WHERE revision <= ?').run(compactTo);
        this.#db.prepare("INSERT OR REPLACE INTO facts VALUES ('compacted', ?)").run(compactTo);
      }
      for (const change of changes) this.#write(change);
      this.#db.exec('COMMIT');
    } catch (error) {
      // On a full disk SQLite may have rolled back already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Lets the next commit use the journal's space again, if it can: on a full disk, the journal cannot grow. */
  checkpoint(): void {
    try {
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // What was committed is safe in the journal, and the next commit tells what is wrong with the disk.
    }
  }

  close(): void {
    this.#db.close();
  }

  #write({ type, bucket, revision, current, previous, at }: Change): void {
    if (type === 'DELETED') this.#delete.run(bucket, current.key);
    else this.#upsert.run(bucket, current.key, revision, current.json);
    const before = [previous?.revision ?? null, previous?.json ?? null] as const;
    this.#log.run(revision, type, bucket, current.key, current.json, ...before, at);
  }

  #fact(name: string): number | undefined {
    const row = this.#db.prepare('SELECT value FROM facts WHERE name = ?').get(name);
    return row === undefined ? undefined : Number(row.value);
  }
}
