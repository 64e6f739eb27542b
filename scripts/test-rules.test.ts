import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '..');
/** All but this file, which quotes what it forbids. */
const SOURCES = globSync('{src,controllers,scripts,test}/**/*.ts', { cwd: repository }).filter(
  (file) => !file.endsWith('test-rules.test.ts'),
);

/** `it.skip`, `describe.each(…).skipIf` and the like: none of them takes a reason. */
const SILENT_SKIP = /\b(?:describe|it|test|suite)\b[.\w]*\.(?:skip|skipIf|runIf|todo)\b/;
/** `context.skip()`, which leaves out the reason that it could take. */
const SKIP_WITHOUT_REASON = /\b(?:context|ctx)\.skip\(\s*\)|[^.\w]skip\(\s*\)/;
const OWN_SEED = /from 'fast-check'/;

/** `FILE:LINE` of every line that matches. */
function linesWith(pattern: RegExp): string[] {
  return SOURCES.flatMap((file) =>
    readFileSync(join(repository, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  );
}

describe('all tests', () => {
  it.each(['it.skip(', "describe.skipIf(x)('y'", 'it.only.skip(', 'describe.todo('])(
    'may not say %s',
    (text) => expect(SILENT_SKIP.test(text)).toBe(true),
  );

  it.each(['context.skip()', '({ skip }) => skip()'])('may not say %s', (text) =>
    expect(SKIP_WITHOUT_REASON.test(text)).toBe(true),
  );

  it('say why when they are skipped: by describeUnless, itUnless or skippedBy of test/skip.ts, or context.skip(reason)', () => {
    expect(linesWith(SILENT_SKIP)).toEqual([]);
    expect(linesWith(SKIP_WITHOUT_REASON)).toEqual([]);
  });

  it('take fast-check, and with it the seed, from test/fuzz.ts', () => {
    expect(linesWith(OWN_SEED)).toEqual([expect.stringMatching(/^test\/fuzz\.ts:/)]);
  });
});
