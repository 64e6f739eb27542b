import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boundedLine } from './log.ts';
import { cutLog } from './log-file.ts';

describe('a log that is kept short', () => {
  let folder: string;
  let path: string;
  let fd: number;
  const content = (name = '') => readFileSync(path + name, 'utf8');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-log-'));
    path = join(folder, 'host-a.log');
    fd = openSync(path, 'a');
  });
  afterEach(async () => {
    closeSync(fd);
    await rm(folder, { recursive: true });
  });

  it('goes on in the same file, and keeps one older log', async () => {
    for (const line of ['first\n', 'second\n', 'third\n']) {
      writeSync(fd, line);
      cutLog(fd, path, 4);
      expect([content(), content('.1')]).toEqual(['', line]);
    }
    writeSync(fd, 'a');
    cutLog(fd, path, 4);
    expect(content()).toBe('a');
    expect((await readdir(folder)).sort()).toEqual(['host-a.log', 'host-a.log.1']);
  });

  it('is emptied, and says why, when there is no place for the older one', () => {
    mkdirSync(`${path}.1`);
    writeSync(fd, 'first\n');
    cutLog(fd, path, 4);
    expect(content()).toMatch(/^the log was emptied, .*host-a\.log\.1/);
  });

  it('is left alone when somebody else has put another file in its place', async () => {
    writeSync(fd, 'first\n');
    renameSync(path, `${path}.kept`);
    cutLog(fd, path, 4);
    await writeFile(path, 'not ours');
    cutLog(fd, path, 4);
    expect([content('.kept'), content()]).toEqual(['first\n', 'not ours']);
  });

  it('stays short while a program writes far more, whose lines are all there but those that were cut off', async () => {
    const program = join(folder, 'program.mjs');
    await writeFile(
      program,
      `const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))});
       const log = createLog('host-a', 'info');
       for (let at = 0; at < 12_000; at += 1) log.info({ at, filler: 'x'.repeat(4000) }, 'a line');
       log.info({ flood: 'y'.repeat(12_000_000) }, 'too long');
       process.stderr.write('died\\n');`,
    );
    const env = { ...process.env, COPPICE_LOG_FILE: path };
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', fd] });
    expect(await once(child, 'exit')).toEqual([0, null]);
    for (const each of [path, `${path}.1`]) {
      expect((await stat(each)).size).toBeLessThan(17 * 1024 * 1024);
    }
    const lines = (content('.1') + content()).trim().split('\n');
    expect(lines.pop()).toBe('died');
    expect(JSON.parse(lines.pop() ?? '')).toMatchObject({ msg: 'too long', name: 'host-a', level: 30 });
    const numbers = lines.map((line) => (JSON.parse(line) as { at: number }).at);
    expect(numbers).toEqual(numbers.map((_, at) => at + 12_000 - numbers.length));
    expect(numbers.length).toBeGreaterThan(4000);
  });
});

describe('a line of a log', () => {
  it('is replaced by its beginning when it is too long', () => {
    const line = (msg: string, more: object = {}) =>
      `${JSON.stringify({ level: 40, time: 'T', msg, ...more })}\n`;
    expect(boundedLine(line('short'))).toBe(line('short'));
    for (const long of [
      line('ü'.repeat(10_000)),
      line('it failed', { err: { message: '"'.repeat(12_000_000) } }),
    ]) {
      const told = boundedLine(long);
      expect(Buffer.byteLength(told)).toBeLessThan(16 * 1024);
      expect(JSON.parse(told)).toMatchObject({ level: 40, time: 'T', lineBytes: Buffer.byteLength(long) });
    }
  });
});
