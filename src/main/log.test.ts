import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

it.each([
  [3, []],
  [300, ['warn of what is lost']],
])(
  'a program whose %i lines cannot be written goes on, and writes those it can later',
  async (count, warned) => {
    const [program, path] = [join(folder, 'program.mjs'), join(folder, 'program.log')];
    await writeFile(
      program,
      `import { closeSync, openSync } from 'node:fs';
     const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))});
     const log = createLog('host-a', 'info');
     for (let at = 0; at < ${count}; at += 1) log.info({ at, filler: 'x'.repeat(10_000) }, 'a line');
     closeSync(2);
     openSync(${JSON.stringify(path)}, 'a');
     log.info('there is room');`,
    );
    const full = openSync('/dev/full', 'w');
    const { status } = spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', full] });
    closeSync(full);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    const kept = messages.filter((message) => message === 'a line').length;
    const lost = count - kept;
    const warning = `${lost} lines of this log are lost: they could not be written`;
    expect([status, messages.slice(kept)]).toEqual([0, ['there is room', ...warned.map(() => warning)]]);
    expect(kept).toBeGreaterThan(2);
  },
);
