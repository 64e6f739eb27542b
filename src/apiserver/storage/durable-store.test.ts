import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../types.ts';
import { DurableStore } from './durable-store.ts';
import { SqliteFile } from './sqlite.ts';
import type { Change, HistoryLimits } from './store.ts';

const BUCKET = 'example.com/widgets';
const MUCH: HistoryLimits = { maxChanges: 1000, maxAgeMs: 1_000_000 };

/** A file whose disk can be full. */
class FillableFile extends SqliteFile {
  full = false;

  override commit(changes: readonly Change[], compactTo: number | undefined): void {
    if (this.full) throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    super.commit(changes, compactTo);
  }
}

/** A file whose disk has no more space than is kept for deletions. */
class ReservedFile extends FillableFile {
  readonly sizes: number[] = [];

  override commit(changes: readonly Change[], compactTo: number | undefined): void {
    const wasFull = this.full;
    this.full = wasFull && this.reserve.whole;
    try {
      super.commit(changes, compactTo);
      if (wasFull) this.sizes.push(changes.length);
    } finally {
      this.full = wasFull;
    }
  }
}

function object(name: string, value = ''): KubeObject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name, namespace: 'n' },
    spec: { value },
  };
}

interface Made {
  store: DurableStore;
  file: FillableFile;
  failures: unknown[];
}

function newStore(limits = MUCH, now: () => number = () => 0): Made {
  const file = new FillableFile(':memory:');
  const failures: unknown[] = [];
  return { file, failures, store: new DurableStore(file, limits, now, (error) => failures.push(error)) };
}

function names(list: readonly { key: string }[] | undefined): string[] | undefined {
  return list?.map(({ key }) => key);
}

describe('DurableStore', () => {
  it('counts one revision through all buckets and lists by key', async () => {
    const { store } = newStore();
    const revisions = ['n/b', 'n/a', 'm/c'].map((key) => store.put(BUCKET, key, object(key)).revision);
    revisions.push(store.put('other', 'n/a', object('a')).revision);
    expect(revisions).toEqual([2, 3, 4, 5]);
    expect(names(store.list(BUCKET, ''))).toEqual(['m/c', 'n/a', 'n/b']);
    expect(names(store.list(BUCKET, 'n/'))).toEqual(['n/a', 'n/b']);
    await store.committed();
    expect(store.get(BUCKET, 'n/a')?.object.metadata.resourceVersion).toBe('3');
  });

  it('tells watchers in one go of what one commit holds, when it is durable', async () => {
    const { store } = newStore();
    const told: string[][] = [];
    store.subscribe((changes) => told.push(changes.map(({ type, revision }) => `${type} ${revision}`)));
    store.put(BUCKET, 'n/a', object('a'));
    store.put(BUCKET, 'n/a', object('a', 'x'));
    store.remove(BUCKET, 'n/a');
    expect(told).toEqual([]);
    expect(store.changesAfter(0, 10)).toEqual([]);
    await store.committed();
    expect(told).toEqual([['ADDED 2', 'MODIFIED 3', 'DELETED 4']]);
  });

  it('gathers what comes within the time that a commit takes', async () => {
    let clock = 0;
    const { store, file } = newStore(MUCH, () => clock);
    const commit = file.commit.bind(file);
    file.commit = (...args) => {
      clock += 5;
      commit(...args);
    };
    const told: number[] = [];
    store.subscribe((changes) => told.push(changes.length));
    store.put(BUCKET, 'n/a', object('a'));
    await store.committed();
    // A busy machine must not let the time pass between the two.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    store.put(BUCKET, 'n/b', object('b'));
    await new Promise((resolve) => setImmediate(resolve));
    store.put(BUCKET, 'n/c', object('c'));
    vi.advanceTimersByTime(5);
    vi.useRealTimers();
    await store.committed();
    expect(told).toEqual([1, 2]);
  });

  it('undoes what cannot be written, for everyone who waits, and goes on when there is room again', async () => {
    const { store, file, failures } = newStore();
    store.put(BUCKET, 'n/a', object('a', 'old'));
    await store.committed();
    file.full = true;
    store.put(BUCKET, 'n/a', object('a', 'new'));
    store.put(BUCKET, 'n/b', object('b'));
    await expect(store.committed()).rejects.toMatchObject({
      status: { code: 507, reason: 'InsufficientStorage' },
      message: expect.stringMatching(/is full: free space on it, or delete objects/),
    });
    expect(store.list(BUCKET, '').map(({ object: { spec } }) => spec)).toEqual([{ value: 'old' }]);
    expect([store.revision, failures]).toMatchObject([2, [{ message: 'database or disk is full' }]]);
    file.full = false;
    expect(store.put(BUCKET, 'n/b', object('b')).revision).toBe(3);
    await store.committed();
    expect(store.changesAfter(2, 10)?.map(({ current }) => current.key)).toEqual(['n/b']);
  });

  it('deletes on a full disk in small transactions, with the space that is kept for that', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'coppice-store-'));
    const file = new ReservedFile(join(dir, 'api.db'), 1000);
    const store = new DurableStore(
      file,
      MUCH,
      () => 0,
      () => undefined,
    );
    const keys = Array.from({ length: 120 }, (_, at) => `n/${at}`);
    for (const key of keys) store.put(BUCKET, key, object(key));
    await store.committed();
    file.full = true;
    const told: number[] = [];
    store.subscribe((changes) => told.push(changes.length));
    for (const key of keys) store.remove(BUCKET, key);
    await store.committed();
    expect([file.sizes, told, store.list(BUCKET, ''), store.committedRevision]).toEqual([
      [50, 50, 20],
      [120],
      [],
      241,
    ]);
    store.put(BUCKET, 'n/new', object('new'));
    await expect(store.committed()).rejects.toMatchObject({ status: { code: 507 } });
    const marked = object('new');
    marked.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    store.put(BUCKET, 'n/new', marked);
    await store.committed();
    store.close();
    rmSync(dir, { recursive: true });
  });

  it('shows the past as it was', async () => {
    const { store } = newStore();
    store.put(BUCKET, 'n/a', object('a', 'one'));
    const { revision } = store.put(BUCKET, 'n/b', object('b'));
    store.put(BUCKET, 'n/a', object('a', 'two'));
    store.remove(BUCKET, 'n/b');
    store.put(BUCKET, 'n/c', object('c'));
    await store.committed();
    const past = store.listAt(BUCKET, '', revision);
    expect(names(past)).toEqual(['n/a', 'n/b']);
    expect(past?.[0]?.object.spec).toEqual({ value: 'one' });
  });

  it('forgets by count, but not what was just written', async () => {
    const { store } = newStore({ ...MUCH, maxChanges: 2 });
    for (const name of ['a', 'b', 'c', 'd']) {
      store.put(BUCKET, `n/${name}`, object(name));
      await store.committed();
    }
    expect(store.compactedRevision).toBe(3);
    expect(store.changesAfter(2, 10)).toBeUndefined();
    expect(store.listAt(BUCKET, '', 2)).toBeUndefined();
    expect(store.changesAfter(3, 10)?.map(({ revision }) => revision)).toEqual([4, 5]);
  });

  it('forgets by age', async () => {
    let now = 0;
    const { store } = newStore({ ...MUCH, maxAgeMs: 100 }, () => now);
    store.put(BUCKET, 'n/a', object('a'));
    await store.committed();
    now = 50;
    store.put(BUCKET, 'n/b', object('b'));
    await store.committed();
    now = 120;
    store.compact();
    expect(store.compactedRevision).toBe(2);
    expect(store.changesAfter(2, 10)).toHaveLength(1);
  });
});
