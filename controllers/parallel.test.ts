import { describe, expect, it } from 'vitest';
import { inParallel, slowStart } from './parallel.ts';

describe('inParallel', () => {
  it('works on every item, never on more than its width at once', async () => {
    let running = 0;
    let most = 0;
    const seen: number[] = [];
    await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      seen.push(item);
      running -= 1;
    });
    expect(seen.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('continues after an error and throws the first one at the end', async () => {
    const seen: number[] = [];
    const working = inParallel([1, 2, 3], 1, async (item) => {
      seen.push(item);
      if (item < 3) throw new Error(`item ${item}`);
    });
    await expect(working).rejects.toThrow('item 1');
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('slowStart', () => {
  it('takes groups of 1, 2, 4, …', async () => {
    const groups: number[] = [];
    let running = 0;
    await slowStart([...Array(10).keys()], async () => {
      running += 1;
      await new Promise((resolve) => setImmediate(resolve));
      if (running > 0) groups.push(running);
      running = 0;
    });
    expect(groups).toEqual([1, 2, 4, 3]);
  });

  it('never works on more items than a server can handle', async () => {
    let running = 0;
    let most = 0;
    let worked = 0;
    await slowStart([...Array(300).keys()], async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      worked += 1;
    });
    expect([most, worked]).toEqual([64, 300]);
  });

  it('tries nothing more after a group with an error', async () => {
    const seen: number[] = [];
    const working = slowStart([...Array(10).keys()], async (item) => {
      seen.push(item);
      if (item === 1) throw new Error('refused');
    });
    await expect(working).rejects.toThrow('refused');
    expect(seen).toEqual([0, 1, 2]);
  });
});
