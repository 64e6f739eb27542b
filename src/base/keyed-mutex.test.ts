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
  it('does work under one key in turn, after failures as well, and under others at once', async () => {
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
});
