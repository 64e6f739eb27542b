import { describe, expect, it } from 'vitest';
import { Screen } from './screen.ts';

function shownOn(
  size: { readonly isTTY: boolean; readonly columns?: number; readonly rows?: number },
  ...texts: string[]
) {
  const written: string[] = [];
  const output = { ...size, write: (text: string) => written.push(text) > 0 };
  const screen = new Screen(output as never);
  for (const text of texts) screen.show(text);
  return written;
}

describe('a text that changes', () => {
  it('is shown in its place on a terminal, and only when it changes', () => {
    const written = shownOn({ isTTY: true, columns: 80, rows: 24 }, 'a\nb', 'a\nb', 'c\nd');
    expect(written).toEqual(['a\nb\n', '\u001b[2A\u001b[0Jc\nd\n']);
  });

  it('is cut to the terminal, whose lines must not wrap', () => {
    const [written] = shownOn({ isTTY: true, columns: 10, rows: 5 }, 'a long line it is\nb\nc\nd\ne');
    expect(written).toBe('a long l…\nb\n… and 3 …\n');
  });

  it('is shown on a terminal without a size, too', () => {
    expect(shownOn({ isTTY: true, columns: 0, rows: 0 }, 'a\nb\nc')).toEqual(['a\nb\nc\n']);
  });

  it('is written whole, one after the other, to a file', () => {
    expect(shownOn({ isTTY: false }, 'a', 'a', 'b')).toEqual(['a\n', '\nb\n']);
  });
});
