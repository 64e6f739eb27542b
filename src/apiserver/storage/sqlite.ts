import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { KubeObject } from '../types.ts';
import type { Change, ChangeType, StoredObject } from './store.ts';

/** Version of the tables and their content; stored in the file's `user_version`. */
const FORMAT = 1;
const OWNER_ONLY = 0o600;

const TABLES = `
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    revision INTEGER PRIMARY KEY, type TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
    json TEXT NOT NULL, previous_revision INTEGER, previous_json TEXT, at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;

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

/**
 * The SQLite file of the store. WAL with `synchronous=FULL`: a commit that has returned survives a power cut.
 * The exclusive lock prevents a second server from using the same file.
 */
export class SqliteFile {
  readonly #db: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #delete: StatementSync;
  readonly #log: StatementSync;

  /** @param path a file, or `:memory:` */
  constructor(path: string) {
    // The file contains Secrets. SQLite gives its journals the file's mode.
    if (path !== ':memory:') closeSync(openSync(path, 'a', OWNER_ONLY));
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;');
    this.#checkFormat(path);
    this.#db.exec(TABLES);
    this.#db.exec(`PRAGMA user_version=${FORMAT}`);
    this.#upsert = this.#db.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
    this.#delete = this.#db.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?');
    this.#log = this.#db.prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  }

  load(): Loaded {
    const objects = this.#db.prepare('SELECT * FROM objects').all() as unknown as ObjectRow[];
    const changes = this.#db
      .prepare('SELECT * FROM changes ORDER BY revision')
      .all() as unknown as ChangeRow[];
    return {
      objects: objects.map((row) => ({
        bucket: row.bucket,
        stored: stored(row.key, row.revision, row.json),
      })),
      changes: changes.map(changeOf),
      compactedRevision: this.#fact('compacted') ?? 0,
    };
  }

  /** Writes all changes and removes history up to `compactTo`, in one transaction. */
  commit(changes: readonly Change[], compactTo: number | undefined): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const change of changes) this.#write(change);
      if (compactTo !== undefined) {
        this.#db.prepare('DELETE FROM changes WHERE revision <= ?').run(compactTo);
        this.#db.prepare("INSERT OR REPLACE INTO facts VALUES ('compacted', ?)").run(compactTo);
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      // On a full disk SQLite may have rolled back already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
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

  /** Refuses a file of a newer format, which this version could damage. A new file has format 0. */
  #checkFormat(path: string): void {
    const row = this.#db.prepare('PRAGMA user_version').get();
    const found = Number(row?.user_version ?? 0);
    if (found <= FORMAT) return;
    this.#db.close();
    throw new Error(
      `${path} has storage format ${found}, this version reads up to ${FORMAT}: use the version that wrote it, or a newer one`,
    );
  }
}
