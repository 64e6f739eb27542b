import { describe, expect, it } from 'vitest';
import { linesOf } from './lines.ts';

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function collect(...texts: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(pieces(...texts), 10)) lines.push(line.toString());
  return lines;
}

describe('linesOf', () => {
  it('cuts lines wherever the chunks end, and drops an unfinished one', async () => {
    expect(await collect('a', 'b\nc\n\nd', 'e', '\nrest')).toEqual(['ab', 'c', '', 'de']);
    expect(await collect()).toEqual([]);
  });

  it('holds a line that comes byte by byte', async () => {
    const bytes = Array.from({ length: 5000 }, (_, at) => String(at % 10));
    const lines: string[] = [];
    for await (const line of linesOf(pieces(...bytes, '\n'), 5000)) lines.push(line.toString());
    expect(lines).toEqual([bytes.join('')]);
  });

  it('gives up on a line without end', async () => {
    await expect(collect('12345', '678901')).rejects.toThrow('more than 10 bytes');
    await expect(collect('12345678901\n')).rejects.toThrow('more than 10 bytes');
    expect(await collect('1234567\n', '1234567\n')).toEqual(['1234567', '1234567']);
  });
});
