import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteFile } from './sqlite.ts';

describe('the file', () => {
  let dir: string;
  let path: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'coppice-sqlite-'));
    path = join(dir, 'api.db');
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  function pragma(text: string): unknown {
    const db = new DatabaseSync(path);
    try {
      return db.prepare(`PRAGMA ${text}`).get()?.user_version;
    } finally {
      db.close();
    }
  }

  it('is for its owner only, and so are its journals: Secrets are in them', () => {
    const file = new SqliteFile(path);
    const modes = readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mode & 0o777]);
    file.close();
    expect(modes).toContainEqual(['api.db-wal', 0o600]);
    for (const [name, mode] of modes) expect([name, mode]).toEqual([name, 0o600]);
  });

  it('says its format', () => {
    new SqliteFile(path).close();
    expect(pragma('user_version')).toBe(1);
    new SqliteFile(path).close();
  });

  it('is refused when its format is newer, and the file left alone', () => {
    pragma('user_version=2');
    expect(() => new SqliteFile(path)).toThrow(
      `${path} has storage format 2, this version reads up to 1: use the version that wrote it, or a newer one`,
    );
    expect(pragma('user_version')).toBe(2);
  });
});
