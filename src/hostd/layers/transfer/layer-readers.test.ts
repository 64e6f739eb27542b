import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import { Manifest } from '../content/manifest.ts';
import { LayerReaders } from './layer-readers.ts';
import type { OpenLayer } from './served-layers.ts';

const HOUR_MS = 3_600_000;

/** Readers of files that say when they are opened and closed. */
function aScene() {
  const happened: string[] = [];
  const clock = createFakeClock();
  const readers = new LayerReaders(clock, async (identity) => {
    if (identity === 'absent') return undefined;
    if (identity === 'damaged') throw new Error('damaged');
    happened.push(`open ${identity}`);
    return {
      shape: { kind: 'disk', virtualBytes: 1 },
      manifest: new Manifest([]),
      read: async () => undefined,
      close: async () => void happened.push(`close ${identity}`),
    };
  });
  return { happened, clock, readers };
}

describe('layers that are open for reading', () => {
  it('are opened once for all who read them, and closed a while after the last', async () => {
    const { happened, clock, readers } = aScene();
    const [one, two] = (await Promise.all([readers.open('a'), readers.open('a')])) as OpenLayer[];
    await one?.close();
    await clock.advance(HOUR_MS);
    await two?.close();
    const three = await readers.open('a');
    await clock.advance(HOUR_MS);
    expect(happened).toEqual(['open a']);
    await three?.close();
    await clock.advance(HOUR_MS);
    expect(happened).toEqual(['open a', 'close a']);
  });

  it('are closed before they are removed, those that are read at the end of the reading', async () => {
    const { happened, clock, readers } = aScene();
    await (await readers.open('a'))?.close();
    await readers.forget('a');
    expect(happened).toEqual(['open a', 'close a']);
    const read = await readers.open('b');
    await readers.forget('b');
    expect(happened).not.toContain('close b');
    await read?.close();
    expect(happened.at(-1)).toBe('close b');
    expect(clock.timers).toBe(0);
  });

  it('are tried again when they were not there, or not in order', async () => {
    const { readers } = aScene();
    for (const _ of [1, 2]) {
      expect(await readers.open('absent')).toBeUndefined();
      await expect(readers.open('damaged')).rejects.toThrow('damaged');
    }
    await readers.close();
  });
});
