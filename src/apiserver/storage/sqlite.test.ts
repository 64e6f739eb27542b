import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DurableStore } from './durable-store.ts';
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

  describe('that was damaged', () => {
    beforeEach(() => {
      const store = new DurableStore(
        new SqliteFile(path, 0),
        { maxChanges: 9999, maxAgeMs: 9999 },
        () => 0,
        fail,
      );
      for (let at = 0; at < 200; at += 1) {
        const metadata = { name: `a${at}` };
        store.put('b', `a${at}`, { apiVersion: 'v1', kind: 'A', metadata, data: 'x'.repeat(1000) });
      }
      store.close();
    });

    it.each<[string, RegExp, () => void]>([
      ['emptied', /it was cut to 0 bytes/, () => truncateSync(path, 0)],
      ['cut to a page', /malformed/, () => truncateSync(path, 4096)],
      ['cut in half', /malformed/, () => truncateSync(path, 4096 * Math.floor(statSync(path).size / 8192))],
      ['overwritten', /not a database/, () => writeFileSync(path, 'no database '.repeat(1000))],
      ['overwritten in its middle', /Tree|page|malformed/, () => overwrite('y'.repeat(9000), 4096 * 20)],
      [
        'emptied of tables',
        /it has no table objects, facts/,
        () => change('DROP TABLE objects; DROP TABLE facts'),
      ],
      [
        'made to hold what is no object',
        /JSON/,
        () => change("UPDATE objects SET json = '{' WHERE key = 'a7'"),
      ],
      [
        'lost',
        /the file is gone, but .*\.reserve is there/,
        () => {
          writeFileSync(`${path}.reserve`, 'x');
          rmSync(path);
        },
      ],
      [
        'lost but for its journal',
        /the file is gone, but .*-wal is there/,
        () => {
          renameSync(path, `${path}-wal`);
        },
      ],
    ])('is refused when %s, with what to do, and no new one is made', (_, what, damage) => {
      damage();
      const before = sizes();
      const open = () =>
        new DurableStore(new SqliteFile(path), { maxChanges: 1, maxAgeMs: 1 }, () => 0, fail);
      expect(open).toThrow(what);
      expect(open).toThrow(`the database ${path} is damaged (`);
      expect(open).toThrow(
        /move away all files whose names begin so, .*; then put back a copy .*, or start with an empty cluster$/,
      );
      expect(sizes()).toEqual(before);
    });

    const fail = (error: unknown) => {
      throw error;
    };
    const sizes = () =>
      readdirSync(dir)
        .filter((name) => !name.endsWith('.reserve'))
        .map((name) => [name, statSync(join(dir, name)).size]);

    function change(sql: string): void {
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
    }

    function overwrite(text: string, at: number): void {
      const fd = openSync(path, 'r+');
      writeSync(fd, text, at);
      closeSync(fd);
    }
  });
});
