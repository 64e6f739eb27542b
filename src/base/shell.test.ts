import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellQuote, shellWord } from './shell.ts';

const TEXTS = ['/plain/path', '/with blanks, and commas', "/it's", '/a$b`c"d', 'two\nlines', ''];

describe.each([
  ['shellQuote', shellQuote],
  ['shellWord', shellWord],
])('%s', (_name, quote) => {
  it.each(TEXTS)('writes %j so that a shell reads the same text', (text) => {
    expect(execFileSync('sh', ['-c', `printf %s ${quote(text)}`]).toString()).toBe(text);
  });
});

it('shellWord leaves a text without special characters unquoted, so that people can read it', () => {
  expect(shellWord('/plain/path')).toBe('/plain/path');
});
