import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Layout, layoutOf } from './layout.ts';
import { withDataDir } from './lock.ts';
import { findLeftovers, findPart, logFile, logTail, type Part, startPart, stopPart } from './processes.ts';

const STUBBORN = `process.on('SIGTERM', () => undefined); console.log('up'); setInterval(() => undefined, 1000);`;

describe('parts', () => {
  let layout: Layout;
  let program: string;
  let part: Part;
  const pidFile = () => join(layout.run, 'api.pid');
  const start = async () => {
    expect(await startPart(layout, part, program)).toBe(true);
    while ((await logTail(layout, 'api', 1)) !== 'up') await delay(10);
    const pid = await findPart(layout, 'api');
    if (pid === undefined) throw new Error('the part does not run');
    return pid;
  };

  beforeEach(async () => {
    layout = layoutOf(await mkdtemp(join(tmpdir(), 'coppice parts, and-')));
    program = join(layout.root, 'program.mjs');
    part = { name: 'api', args: ['api', '--storage', layout.apiStorage] };
    await writeFile(program, STUBBORN);
  });
  afterEach(async () => {
    await stopPart(layout, 'api', 0);
    await rm(layout.root, { recursive: true });
  });

  it('are started once, and killed when they do not end in time', async () => {
    const pid = await start();
    expect(await startPart(layout, part, program)).toBe(false);
    expect(await findLeftovers(layout)).toEqual([pid]);
    await stopPart(layout, 'api', 20);
    expect(await findPart(layout, 'api')).toBeUndefined();
    expect(await findLeftovers(layout)).toEqual([]);
    await expect(stat(pidFile())).rejects.toThrow('ENOENT');
    await stopPart(layout, 'api', 20);
  });

  it.each([
    ['was never written', () => rm(pidFile())],
    ['is damaged', () => writeFile(pidFile(), '{"pid":')],
    // A pid that was given to another process since: to the one that asks.
    [
      'names another process',
      () => writeFile(pidFile(), JSON.stringify({ pid: process.pid, startTime: '1' })),
    ],
  ])('are adopted when their pid file %s', async (_, damage) => {
    const pid = await start();
    await damage();
    expect(await findPart(layout, 'api')).toBe(pid);
    expect(await startPart(layout, part, program)).toBe(false);
    expect(JSON.parse(await readFile(pidFile(), 'utf8'))).toMatchObject({ pid });
  });

  it('are not confused with those of another data directory or name', async () => {
    await start();
    await rm(pidFile());
    expect(await findPart(layout, 'operator')).toBeUndefined();
    expect(await findPart(layoutOf(`${layout.root}2`), 'api')).toBeUndefined();
  });

  it('that are dead do not endanger a process that has their pid now', async () => {
    await mkdir(layout.run);
    await writeFile(pidFile(), JSON.stringify({ pid: process.pid, startTime: '1' }));
    expect(await findPart(layout, 'api')).toBeUndefined();
    await stopPart(layout, 'api', 0);
    await expect(stat(pidFile())).rejects.toThrow('ENOENT');
  });

  it('begin a new log when the old one is long, and keep the old one', async () => {
    await mkdir(layout.logs);
    await writeFile(logFile(layout, 'api'), 'old');
    await truncate(logFile(layout, 'api'), 17 * 1024 * 1024);
    await start();
    expect((await stat(`${logFile(layout, 'api')}.1`)).size).toBe(17 * 1024 * 1024);
    expect(await readFile(logFile(layout, 'api'), 'utf8')).toBe('up\n');
  });

  it('keep their logs short while they run', async () => {
    const log = JSON.stringify(join(import.meta.dirname, '../log.ts'));
    const flood = `const { createLog } = await import(${log});
      const log = createLog('api', 'info');
      for (let at = 0; at < 5000; at += 1) log.info('x'.repeat(8000));
      ${STUBBORN}`;
    await writeFile(program, flood);
    await start();
    for (const path of [logFile(layout, 'api'), `${logFile(layout, 'api')}.1`])
      expect((await stat(path)).size).toBeLessThan(17 * 1024 * 1024);
  });
});

describe('the end of a log', () => {
  it('is shown as messages', async () => {
    const layout = layoutOf(await mkdtemp(join(tmpdir(), 'coppice-log-')));
    try {
      expect(await logTail(layout, 'api', 3)).toBe('');
      await mkdir(layout.logs);
      const lines = ['first', '{"time":"T","msg":"it failed"}', '{"no', 'at last'];
      await writeFile(logFile(layout, 'api'), `${lines.join('\n')}\n`);
      expect(await logTail(layout, 'api', 3)).toBe('T it failed\n{"no\nat last');
    } finally {
      await rm(layout.root, { recursive: true });
    }
  });
});

describe('a data directory', () => {
  it('is used by one command at a time', async () => {
    const layout = layoutOf(await mkdtemp(join(tmpdir(), 'coppice-lock-')));
    try {
      await withDataDir(layout, async () => {
        await expect(withDataDir(layout, async () => 0, 0)).rejects.toThrow('another coppice command');
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      const first = withDataDir(layout, () => promise);
      const second = withDataDir(layout, async () => 'second', 60_000);
      resolve();
      await first;
      expect(await second).toBe('second');
    } finally {
      await rm(layout.root, { recursive: true });
    }
  });
});
