import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** The one file that may ask the machine for the time. */
const CLOCK = 'src/base/clock.ts';
/** Folders that are not converted yet. */
const EXCLUDED: readonly string[] = [];

/** Time from anywhere but a passed-in clock: a wall clock where a duration is meant, or one that tests cannot hold still. */
const OWN_TIME = /\bDate\.now\(|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/;

function sources(): readonly string[] {
  return ['src', 'controllers'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== CLOCK)
      .filter((file) => !EXCLUDED.some((excluded) => file.startsWith(`${excluded}/`))),
  );
}

function offendersIn(file: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) => (OWN_TIME.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : []));
}

describe('the machine’s time', () => {
  it(`is asked for in ${CLOCK} alone; all else is given a Clock`, () => {
    const found = sources().flatMap((file) =>
      offendersIn(file, readFileSync(join(repository, file), 'utf8')),
    );
    expect(found).toEqual([]);
  });

  it.each(['Date.now()', 'new Date()', 'performance.now()', 'process.hrtime.bigint()'])(
    'is recognised as %s',
    (expression) => {
      expect(offendersIn('a.ts', `const x = 1;\nconst y = ${expression};`)).toEqual([
        `a.ts:2: const y = ${expression};`,
      ]);
      expect(offendersIn('a.ts', 'const at = new Date(clock.now());')).toEqual([]);
    },
  );
});
