import { describe, expect, it } from 'vitest';
import { withShortStrings } from './short-strings.ts';

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function short(text: string | Buffer, size: number, limit = 8): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of withShortStrings(pieces(Buffer.from(text), size), limit)) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

/** However the stream is cut. */
const sizes = [1, 2, 3, 7, 1000];

describe.each(sizes)('JSON with short strings, in pieces of %i bytes', (size) => {
  it.each([
    '{"return": {"exited": true, "n": 7}}\n',
    '{"a": "", "b": "12345678", "c": "a\\"b\\\\"}\n{"d": "\\\\"}\n',
    'no "JSON\n{"x": "y"}\n',
  ])('is what it was: %j', async (text) => {
    expect(await short(text, size)).toBe(text);
  });

  it('keeps the end of long output, cut where base64 may be cut', async () => {
    const output = 'a line of output, then the last words';
    const answer = { exitcode: 3, 'out-data': Buffer.from(output).toString('base64'), exited: true };
    const kept = JSON.parse(await short(JSON.stringify(answer), size, 18)) as typeof answer;
    expect(kept).toMatchObject({ exitcode: 3, exited: true });
    expect(kept['out-data'].length).toBeLessThanOrEqual(18);
    const decoded = Buffer.from(kept['out-data'], 'base64').toString();
    expect(decoded.length).toBeGreaterThan(8);
    expect(output.endsWith(decoded)).toBe(true);
  });

  it('empties a long string with escapes, which is no output', async () => {
    expect(await short('["0123456\\n789", "x"]', size)).toBe('["", "x"]');
    expect(await short('["0123456789\\"", "x"]', size)).toBe('["", "x"]');
  });

  it('begins again after a string that was never finished', async () => {
    expect(await short(`{"return": "${'x'.repeat(100)}\n{"return": 1}\n`, size)).toMatch(
      /^\{"return": "x{5,8}\n\{"return": 1\}\n$/,
    );
    const cut = Buffer.concat([Buffer.from('{"a": "b'), Buffer.of(0xff), Buffer.from('{"return": 1}\n')]);
    expect(await short(cut, size)).toBe('{"a": "b\xff{"return": 1}\n');
  });
});

describe('a string without end', () => {
  it('is never held as a whole', async () => {
    const endless = async function* () {
      yield Buffer.from('{"return": "');
      const piece = Buffer.alloc(1024 * 1024, 'x');
      for (let sent = 0; sent < 128; sent += 1) yield piece;
    };
    let bytes = 0;
    for await (const part of withShortStrings(endless(), 64 * 1024)) bytes += part.length;
    expect(bytes).toBeLessThan(65 * 1024);
  });
});
