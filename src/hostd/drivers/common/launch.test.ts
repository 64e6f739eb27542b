import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launch } from './launch.ts';

describe('a launched program', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-launch-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const run = (script: string) =>
    launch(process.execPath, ['-e', script], { directory, log: 'program.log' }).then(({ ended }) => ended);

  it('is reported with its exit code and what it printed in this launch', async () => {
    await run('console.log("before")');
    expect(await run('console.error("now"); process.exitCode = 3')).toEqual({
      exitCode: 3,
      output: 'now (exit code 3)',
    });
  });

  it('is reported with the end of what it printed, however much that is', async () => {
    const { output } = await run('console.log("x".repeat(20_000_000)); console.log("the end")');
    expect(output.length).toBeLessThan(17_000);
    expect(output).toMatch(/x\nthe end \(exit code 0\)$/);
  });

  it('is reported when its log was cut while it ran', async () => {
    const log = join(directory, 'program.log');
    await run('console.log("x".repeat(1000))');
    const ended = run('setTimeout(() => console.log("the end"), 1000)');
    await truncate(log, 0);
    expect((await ended).output).toBe('the end (exit code 0)');
  });
});
