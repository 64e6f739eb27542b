/** Translates Go's regular expressions (RE2), as schemas' patterns and CEL's `matches` use them, to JavaScript's. */

import { own } from '../../base/own.ts';

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** Translates and compiles a pattern. Throws a SyntaxError for an invalid one. */
export function goRegExp(pattern: string): RegExp {
  const translated = pattern
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\(\?P</g, '(?<')
    .replace(/\\p([A-Z])(?!\{)/g, '\\p{$1}')
    .replace(/\[:(\w+):\]/g, (whole, name: string) => own(POSIX_CLASSES, name) ?? whole);
  const [flags, body] = leadingFlags(translated);
  try {
    return new RegExp(body, `${flags}u`);
  } catch (error) {
    // Unicode mode refuses needless escapes such as `\-`, which Go accepts.
    if (error instanceof SyntaxError) return new RegExp(body, flags);
    throw error;
  }
}

function leadingFlags(pattern: string): [flags: string, body: string] {
  const match = /^\(\?([ims]+)\)/.exec(pattern);
  return match === null ? ['', pattern] : [match[1] ?? '', pattern.slice(match[0].length)];
}
