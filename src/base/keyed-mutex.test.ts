import { describe, expect, it } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('KeyedMutex', () => {
  it('runs work under one key in turn, even after a failure, and work under other keys at the same time', async () => {
    const locks = new KeyedMutex();
    const done: string[] = [];
    const first = gate();
    const failing = locks.run('a', async () => {
      await first.opened;
      done.push('a1');
      throw new Error('broken');
    });
    const waiting = locks.run('a', async () => done.push('a2'));
    await locks.run('b', async () => done.push('b'));
    expect(done).toEqual(['b']);
    first.open();
    await expect(failing).rejects.toThrow('broken');
    await waiting;
    expect(done).toEqual(['b', 'a1', 'a2']);
  });

  it('is idle when all work has ended, however it ended', async () => {
    const locks = new KeyedMutex();
    const first = gate();
    let isIdle = false;
    const failing = locks.run('a', async () => {
      await first.opened;
      throw new Error('broken');
    });
    const idle = locks.idle().then(() => {
      isIdle = true;
    });
    await locks.run('b', async () => undefined);
    expect(isIdle).toBe(false);
    first.open();
    await expect(failing).rejects.toThrow('broken');
    await idle;
    await new KeyedMutex().idle();
  });
});
