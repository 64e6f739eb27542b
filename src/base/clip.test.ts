import { describe, expect, it } from 'vitest';
import { clipped, clippedStart } from './clip.ts';

describe('a clipped text', () => {
  it('is whole as long as it fits', () => {
    for (const clip of [clipped, clippedStart]) {
      expect(clip('grüezi', 7)).toBe('grüezi');
      expect(clip('', 0)).toBe('');
    }
  });

  it.each(['x'.repeat(1000), 'ü'.repeat(1000), '€'.repeat(1000), '🌳'.repeat(1000)])(
    'has at most so many bytes, and whole characters: %.1s',
    (text) => {
      for (const bytes of [4, 10, 11, 12, 13, 14, 999]) {
        for (const clip of [clipped, clippedStart]) {
          const clippedText = clip(text, bytes);
          expect(Buffer.byteLength(clippedText)).toBeLessThanOrEqual(bytes);
          expect(Buffer.byteLength(clippedText)).toBeGreaterThan(bytes - 4);
          expect(text).toContain(clippedText.replace('…', ''));
        }
      }
    },
  );

  it('keeps the beginning, or the end', () => {
    expect(clipped('abcdefgh', 6)).toBe('abc…');
    expect(clippedStart('abcdefgh', 6)).toBe('…fgh');
  });
});
