import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** Paths from the repository's root that a page names, without those that have a `<name>` in them. */
function pathsIn(text: string): readonly string[] {
  const named = [
    ...text.matchAll(/`((?:src|controllers|crds|charts|scripts|docs|test|examples)\/[^`\s]*)`/g),
  ];
  return [...new Set(named.map(([, path = '']) => path))].filter((path) => !path.includes('<'));
}

it.each(['docs/architecture.md', 'docs/glossary.md'])('every path that %s names is there', (page) => {
  const paths = pathsIn(readFileSync(join(repository, page), 'utf8'));
  expect(paths.length).toBeGreaterThanOrEqual(2);
  expect(paths.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
});

it('sees a path that is not there', () => {
  expect(pathsIn('`src/none.ts`, `crds/<plural>.yaml`, `none` and `docs/`')).toEqual([
    'src/none.ts',
    'docs/',
  ]);
});
