import { describe, expect, it } from 'vitest';
import { FetchSlots, type Turn } from './fetch-slots.ts';

const never = new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Fetches that run until they are ended by hand, in the order in which they had their turn. */
function bed(options: { readonly slots: number; readonly beside: number }) {
  const slots = new FetchSlots(options);
  const begun: string[] = [];
  const turns = new Map<string, Turn>();
  const ends = new Map<string, () => void>();
  const ask = (name: string, owner = name, signal: AbortSignal = never) =>
    slots.run(
      owner,
      (turn) => {
        begun.push(name);
        turns.set(name, turn);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      },
      signal,
    );
  return { begun, ask, turn: (name: string) => turns.get(name), end: (name: string) => ends.get(name)?.() };
}

describe('FetchSlots', () => {
  it('runs so many at once, and the next when one ends', async () => {
    const { begun, ask, end } = bed({ slots: 2, beside: 0 });
    for (const name of ['a', 'b', 'c']) void ask(name);
    await settled();
    expect(begun).toEqual(['a', 'b']);
    end('a');
    await settled();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('gives the next turn to the owner who has the fewest, however many another asks for', async () => {
    const { begun, ask, end } = bed({ slots: 2, beside: 0 });
    for (const name of ['a1', 'a2', 'a3', 'a4']) void ask(name, 'a');
    void ask('b1', 'b');
    await settled();
    end('a1');
    await settled();
    expect(begun).toEqual(['a1', 'a2', 'b1']);
  });

  it('lets so many go on without a turn, and no more', async () => {
    const { begun, ask, turn } = bed({ slots: 1, beside: 1 });
    for (const name of ['a', 'b', 'c']) void ask(name);
    await settled();
    expect(turn('a')?.giveUp()).toBe(true);
    expect(turn('a')?.giveUp()).toBe(true);
    await settled();
    expect(begun).toEqual(['a', 'b']);
    expect(turn('b')?.giveUp()).toBe(false);
    await settled();
    expect(begun).toEqual(['a', 'b']);
  });

  it('rejects at once who leaves while waiting, and passes the turn of one that failed on', async () => {
    const slots = new FetchSlots({ slots: 1, beside: 0 });
    const leaving = new AbortController();
    const failing = slots.run('a', () => Promise.reject(new Error('broken')), never);
    const left = slots.run('b', async () => 'never', leaving.signal);
    leaving.abort(new Error('deleted'));
    const last = slots.run('c', async () => 'had its turn', never);
    await expect(failing).rejects.toThrow('broken');
    await expect(left).rejects.toThrow('deleted');
    expect(await last).toBe('had its turn');
  });
});
