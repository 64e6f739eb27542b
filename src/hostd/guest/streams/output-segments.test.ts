import { describe, expect, it } from 'vitest';
import { MemoryFiles } from '../testing/memory-files.ts';
import { OutputSegments } from './output-segments.ts';
import { READS_PER_SEGMENT } from './scripts.ts';

/** As many bytes as a segment has at least that another follows. */
const complete = 'x'.repeat(READS_PER_SEGMENT);

const read = async (segments: OutputSegments) => (await segments.read())?.toString();

describe('the segments of an output', () => {
  it('are read as they grow, with one command when nothing has come', async () => {
    const guest = new MemoryFiles();
    guest.hasFolder = false;
    const segments = new OutputSegments(guest.session, 'out');
    expect(await read(segments)).toBeUndefined();
    guest.hasFolder = true;
    guest.append('out.0', 'a');
    expect(await read(segments)).toBe('a');
    expect(await read(segments)).toBeUndefined();
    guest.append('out.0', 'b');
    const before = guest.asked.length;
    expect(await read(segments)).toBe('b');
    expect(await read(segments)).toBeUndefined();
    expect(guest.asked.slice(before)).toEqual(['read out.0', 'read out.0']);
  });

  it('follow each other, and are emptied when they were read', async () => {
    const guest = new MemoryFiles();
    const segments = new OutputSegments(guest.session, 'out');
    guest.append('out.0', complete);
    guest.append('out.1', 'rest');
    expect(await read(segments)).toBe(complete);
    expect(guest.files.get('out.0')).toHaveLength(complete.length);
    expect(await read(segments)).toBe('rest');
    expect(guest.files.get('out.0')).toHaveLength(0);
    await segments.close();
    expect(guest.open).toBe(0);
  });

  it('lose nothing of what comes between the end of one and the look for the next', async () => {
    const guest = new MemoryFiles();
    const segments = new OutputSegments(guest.session, 'out');
    guest.append('out.0', complete);
    let ends = 0;
    guest.after = (asked) => {
      if (asked !== 'read out.0' || ++ends !== 2) return;
      guest.append('out.0', 'late');
      guest.append('out.1', 'next');
    };
    expect(await read(segments)).toBe(complete);
    expect(await read(segments)).toBe('late');
    expect(await read(segments)).toBe('next');
  });
});
