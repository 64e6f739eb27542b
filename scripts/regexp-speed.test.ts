/** The regular expressions of the sources take a time that is linear in the length of the text, since texts come from outside. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url).pathname;
/** Milliseconds. What is linear takes less than one; what is quadratic takes a hundred, and more on a longer text. */
const TOO_LONG = 60;
/** An exponential one shows on a short text; on a long one it would not end. */
const LENGTHS = [20, 26, 200, 2000, 20_000];

/** Texts that are short, whatever is in them. */
const ON_SHORT_TEXTS = new Map([
  [
    'src/hostd/drivers/xen/xl/parse.ts',
    'xl writes these lines, and its names are those that the daemon gave',
  ],
]);

/** Where a RegExp is built while the program runs, and from what. */
const BUILT = new Map([
  ['src/apiserver/codec/go-time.ts', 'constants'],
  ['src/apiserver/http/body.ts', 'constants'],
  ['src/apiserver/meta/names.ts', 'constants'],
  ['src/apiserver/schema/cel/format.ts', 'constants'],
  ['src/hostd/drivers/xen/xl/testing/fake-xl.ts', 'keys that the tests name'],
  ['src/hostd/host/proc.ts', 'keys that the source names'],
]);

const LITERAL =
  /(?<=[(,=:[!&|?{};>]\s*|return\s+)\/(?![*/])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([dgimsuvy]*)/g;

const sources = ['src', 'controllers', 'scripts'].flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => ({ file: `${room}/${name}`, text: readFileSync(join(ROOT, room, name), 'utf8') })),
);

interface Found {
  readonly file: string;
  readonly regexp: RegExp;
}

const literals: readonly Found[] = sources.flatMap(({ file, text }) =>
  [...text.replace(/^\s*(?:\*|\/\/).*$/gm, '').matchAll(LITERAL)].flatMap(([, source = '', flags = '']) => {
    const regexp = regexpOf(source, flags);
    return regexp === undefined ? [] : [{ file, regexp }];
  }),
);

/** Undefined for text between two slashes of a string. */
function regexpOf(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags.replace(/[gy]/g, ''));
  } catch {
    return undefined;
  }
}

const CLASSES: Readonly<Record<string, string>> = { d: '0', w: 'a0_', s: ' \t', S: 'x', D: 'x', W: '-' };

/** Some characters that the expression matches. */
function charactersOf({ source }: RegExp): string[] {
  const plain = source
    .replace(/\\p\{\w+\}/g, 'a')
    .replace(/\\([\s\S])/g, (_, escaped: string) => CLASSES[escaped] ?? escaped)
    .replace(/[()^?:+*|{}$[\]]/g, ' ');
  return [...new Set(`${plain}a0 .-`)].slice(0, 12);
}

/** What a text may begin with, so that the expression goes on to what it repeats, or does not match at the start. */
function startsOf({ source }: RegExp): string[] {
  const literal = /^\^?((?:[\w :"-]|\\[./[\](){}])*)/.exec(source)?.[1]?.replaceAll('\\', '') ?? '';
  return [...new Set(['', ' ', literal])];
}

/** Milliseconds of this thread's own work: what other programs do meanwhile is no slowness. */
function worked(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest that the expression takes to find that a text of repeated characters does not match, in milliseconds. */
function longest(regexp: RegExp): number {
  const characters = charactersOf(regexp);
  const pumps = [...characters, ...characters.flatMap((one) => characters.map((other) => one + other))];
  const texts = startsOf(regexp).flatMap((start) =>
    pumps.flatMap((pump) => LENGTHS.map((length) => ({ start, pump, length }))),
  );
  let worst = 0;
  for (const { start, pump, length } of texts) {
    const text = `${start}${pump.repeat(length / pump.length)}\u0000`;
    const begun = worked();
    regexp.test(text);
    worst = Math.max(worst, worked() - begun);
    if (worst > TOO_LONG) return worst;
  }
  return worst;
}

/** A pause of the machine is no slowness: what is slow is slow again. */
function isSlow(regexp: RegExp): boolean {
  return longest(regexp) > TOO_LONG && longest(regexp) > TOO_LONG;
}

describe('regular expressions', () => {
  const repeating = literals.filter(({ regexp }) => /[*+]|,\}/.test(regexp.source));

  it('are found in the sources', () => {
    expect(repeating.length).toBeGreaterThan(100);
  });

  it('take a time that is linear in the length of the text', () => {
    const slow = repeating.filter(({ file, regexp }) => !ON_SHORT_TEXTS.has(file) && isSlow(regexp));
    expect(slow.map(({ file, regexp }) => `${file}: ${regexp}`)).toEqual([]);
  });

  it.each([/^(a+)+$/, /^-+|-+$/g, /(\d+)\s*x/])('are recognized where they are slow: %s', (regexp) => {
    expect(isSlow(new RegExp(regexp.source))).toBe(true);
  });

  it('are built from constants only: what users write goes through goRegExp', () => {
    const built = sources.filter(({ text }) => /\bRegExp\(/.test(text)).map(({ file }) => file);
    expect(built.sort()).toEqual([...BUILT.keys()].sort());
  });
});
