import { describe, expect, it } from 'vitest';
import { MemoryFiles } from '../testing/memory-files.ts';
import { TestStreams } from '../testing/program-streams.ts';
import { InputSegments } from './input-segments.ts';

const mebibyte = 1024 * 1024;

function inputOf(guest: MemoryFiles) {
  const streams = new TestStreams();
  const { input } = streams.withInput;
  if (input === undefined) throw new Error('it has an input');
  return { streams, segments: new InputSegments(guest.session, 'dir', input) };
}

describe('the segments of an input', () => {
  it('wait for their folder', async () => {
    const guest = new MemoryFiles();
    guest.hasFolder = false;
    const { streams, segments } = inputOf(guest);
    streams.type('a');
    expect(await segments.advance()).toBe(false);
    guest.hasFolder = true;
    expect(await segments.advance()).toBe(true);
    expect(String(guest.files.get('dir/in.0'))).toBe('a');
  });

  it('are closed, and so complete, before the next or the end is there', async () => {
    const guest = new MemoryFiles();
    const { streams, segments } = inputOf(guest);
    streams.type('a');
    await segments.advance();
    streams.end();
    await segments.advance();
    expect(await segments.advance()).toBe(false);
    expect(guest.asked).toEqual([
      'open w dir/in.0',
      'write dir/in.0',
      'close dir/in.0',
      'open w dir/in.1',
      'close dir/in.1',
      'open w dir/in.end',
      'close dir/in.end',
    ]);
    expect(guest.open).toBe(0);
  });

  it.each([
    ['8 MiB', 9, mebibyte],
    ['256 keystrokes', 300, 1],
  ])('stop at %s that the program has not taken, and go on when it has', async (_what, count, bytes) => {
    const guest = new MemoryFiles();
    const { streams, segments } = inputOf(guest);
    for (let number = 0; number < count; number += 1) streams.type(Buffer.alloc(bytes));
    while (await segments.advance()) expect(streams.waiting).toBeGreaterThan(0);
    const left = streams.waiting;
    expect(left).toBeGreaterThan(0);
    expect(await segments.advance()).toBe(false);
    guest.files.delete('dir/in.0');
    guest.files.delete('dir/in.1');
    while (await segments.advance()) expect(streams.waiting).toBeLessThan(left);
    expect(streams.waiting).toBe(Math.max(0, left - 2 * bytes));
  });

  it('fail when their folder is removed', async () => {
    const guest = new MemoryFiles();
    const { streams, segments } = inputOf(guest);
    streams.type('a');
    guest.after = (asked) => {
      if (asked.startsWith('close')) guest.hasFolder = false;
    };
    await expect(segments.advance()).rejects.toThrow('dir');
  });
});
