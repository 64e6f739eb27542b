import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../base/testing/fake-clock.ts';
import { createTestLog } from '../kube/testing/things.ts';
import { followFiles, readTexts } from './followed-files.ts';

describe('files that a program follows', () => {
  let directory: string;
  let clock: FakeClock;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-followed-'));
    clock = createFakeClock();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const paths = () => ({ left: join(directory, 'left'), right: join(directory, 'right') });
  const write = async (left: string, right: string) => {
    await writeFile(paths().left, left);
    await writeFile(paths().right, right);
  };
  /** One look, and time to read the files. */
  const look = async () => {
    await clock.advance(10_000);
    while (clock.timers === 0) await delay(1);
  };

  it('are used when they change, and not otherwise; what cannot be used is tried again and logged once', async () => {
    await write('a', 'a');
    const used: unknown[] = [];
    const { log, lines } = createTestLog();
    const use = (texts: { readonly left: string; readonly right: string }) => {
      if (texts.left !== texts.right) throw new Error('they do not belong together');
      used.push(texts);
    };
    const follower = followFiles({ paths: paths(), use, log, clock }, await readTexts(paths()));
    await look();
    expect(used).toEqual([]);
    await write('b', 'a');
    await look();
    await look();
    expect(used).toEqual([]);
    await write('b', 'b');
    await look();
    await look();
    expect(used).toEqual([{ left: 'b', right: 'b' }]);
    await rm(paths().left);
    await look();
    await write('b', 'b');
    await look();
    await follower.close();
    expect(clock.timers).toBe(0);
    expect(used).toHaveLength(1);
    expect(lines.map(({ msg }) => msg)).toEqual([
      'changed files cannot be used: they do not belong together',
      'files have changed, and what is new in them is used',
      expect.stringContaining('ENOENT'),
    ]);
  });
});
