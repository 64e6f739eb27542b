import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteFile } from './sqlite.ts';

describe('the format of the file', () => {
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

  it('is written into the file', () => {
    new SqliteFile(path).close();
    expect(pragma('user_version')).toBe(1);
    new SqliteFile(path).close();
  });

  it('is refused when it is newer, and the file left alone', () => {
    pragma('user_version=2');
    expect(() => new SqliteFile(path)).toThrow(
      `${path} has storage format 2, this version reads up to 1: use the version that wrote it, or a newer one`,
    );
    expect(pragma('user_version')).toBe(2);
  });
});
