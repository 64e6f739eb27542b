import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planService } from './builders.ts';
import { type Endings, parseEndings } from './endings.ts';
import { execOf } from './testing/plans.ts';
import type { GuestAction, ServicePlan } from './types.ts';

/** The guest's folders, which are made in one of this machine. */
const FOLDERS = /\/(opt|run|etc|var\/lib)\/coppice|\/var\/log(?=\/)/g;
const patience = { timeout: 20_000 };

describe('a supervised program', () => {
  let folder: string;
  let plan: ServicePlan;
  /** At which its log is cut, and looked at all the time. */
  let longestLogBytes: number;

  const run = (action: GuestAction | undefined): string => {
    const here = (word: string) =>
      word
        .replaceAll(FOLDERS, (path) => folder + path)
        .replaceAll('b sync\n', '')
        .replaceAll('10485760', `${longestLogBytes}`)
        .replaceAll('b sleep 10;', 'b sleep 0.05;');
    const [shell = '', ...args] = execOf(action).argv.map(here);
    const { status, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  };
  const planFor = (script: string): void => {
    plan = planService({
      ...{ serviceName: 'web', container: { type: 'command', port: 80 } },
      package: { kind: 'files', files: [{ name: 'run', sizeBytes: 1 }] },
      parameters: { command: [script, 'with', 'arguments'] },
    });
  };
  const install = (script: string): void => {
    run(plan.actions[0]);
    writeFileSync(join(folder, 'opt/coppice/web.releases/new/run'), `#!/bin/sh\n${script}`);
    run(plan.actions[2]);
  };
  const start = (): void => {
    run(plan.start[0]);
  };
  const endings = (): Endings | undefined => parseEndings(run(plan.endings));
  const data = () => readFileSync(join(folder, 'var/lib/coppice/web/told'), 'utf8');
  const releases = () =>
    readdirSync(join(folder, 'opt/coppice/web.releases')).filter((name) => /^\d+$/.test(name));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coppice-supervise-'));
    mkdirSync(join(folder, 'var/log'), { recursive: true });
    mkdirSync(join(folder, 'etc/coppice'), { recursive: true });
    longestLogBytes = 10_485_760;
    planFor('./run');
  });
  afterEach(() => {
    run(plan.stop[0]);
    rmSync(folder, { recursive: true });
  });

  it('has a place for its data, which outlives its packages', async () => {
    let told = '';
    for (const text of ['first', 'second']) {
      install(`echo ${text} "$@" >>"$COPPICE_DATA/told"\nexec sleep 1000`);
      start();
      start();
      told += `${text} with arguments\n`;
      await expect.poll(data, patience).toBe(told);
      expect(releases()).toHaveLength(1);
    }
    expect(endings()).toBeUndefined();
  });

  it('goes on with its package until the next one is started, however many are installed meanwhile', async () => {
    const beat = (text: string) =>
      `echo ${text} >own\nwhile cat own >"$COPPICE_DATA/told.new"; do mv "$COPPICE_DATA/told.new" "$COPPICE_DATA/told"; sleep 0.02; done`;
    install(beat('first'));
    start();
    await expect.poll(data, patience).toBe('first\n');
    for (const text of ['second', 'third']) {
      install(beat(text));
      rmSync(join(folder, 'var/lib/coppice/web/told'));
      await expect.poll(() => existing(data), patience).toBe('first\n');
      expect(releases().length).toBeLessThan(4);
    }
    start();
    await expect.poll(data, patience).toBe('third\n');
    expect(releases()).toHaveLength(1);
  });

  it("uses the data directory that the user's environment names instead", async () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(folder, 'etc/coppice/env'), `COPPICE_DATA='${own}'\n`);
    install('touch "$COPPICE_DATA/told"; exec sleep 1000');
    start();
    await expect.poll(() => readdirSync(own), patience).toEqual(['told']);
  });

  it('tells how it ended: how often, with which code, and what it printed', async () => {
    install('echo "cannot open the database" >&2; exit 3');
    start();
    await expect.poll(() => endings()?.count ?? 0, patience).toBeGreaterThanOrEqual(2);
    expect(endings()).toMatchObject({ exitCode: 3, output: 'cannot open the database' });
    install('exec sleep 1000');
    start();
    expect(endings()).toBeUndefined();
  });

  it('tells that there is no such program', async () => {
    planFor('no-such-program');
    install('');
    start();
    await expect
      .poll(() => endings(), patience)
      .toMatchObject({
        exitCode: 127,
        output: expect.stringContaining('no-such-program'),
      });
  });

  it('has a log that is cut when it is long, while it goes on; the part before is kept', async () => {
    longestLogBytes = 100_000;
    install(
      'while :; do yes 0123456789 | head -c 20000; echo; echo "round $((round += 1))"; sleep 0.05; done',
    );
    start();
    const log = join(folder, 'var/log/coppice-web.log');
    const lastRound = () =>
      Number(
        readFileSync(log, 'utf8')
          .match(/^round (\d+)$/gm)
          ?.at(-1)
          ?.slice(6) ?? 0,
      );
    await expect.poll(() => existing(() => readFileSync(`${log}.1`, 'utf8')), patience).toContain('round');
    const round = lastRound();
    await expect.poll(lastRound, patience).toBeGreaterThan(round);
    expect(readFileSync(log, 'utf8')).not.toMatch(/^round 1$/m);
    // Written at the new end, and not after a hole as long as what was cut off.
    expect(readFileSync(log).includes(0)).toBe(false);
  });

  it('tells the end of what it printed, however much that is', async () => {
    install('yes | head -c 3000000; echo the end; exit 1');
    start();
    await expect.poll(() => endings()?.output ?? '', patience).toMatch(/y\nthe end$/);
    expect(endings()?.output.length).toBeLessThan(4200);
  });
});

/** What may be missing for a moment. */
function existing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
