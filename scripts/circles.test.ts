import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

it('no files of src and controllers import each other in a circle, types included', () => {
  const graph = importsOf(['src', 'controllers']);
  expect(graph.size).toBeGreaterThan(300);
  const circles = circlesIn(graph).map((circle) => circle.join(' → '));
  expect(circles).toEqual([]);
});

it('finds circles of imports, each with all of its files', () => {
  const graph = new Map([
    ['a', ['b', 'x']],
    ['b', ['c']],
    ['c', ['a', 'd']],
    ['d', ['d']],
    ['x', ['y']],
    ['y', []],
  ]);
  expect(circlesIn(graph)).toEqual([['a', 'b', 'c'], ['d']]);
});

it('sees imports of values, types and of what is loaded later', () => {
  const text = `
import { a } from './a.ts';
import type {
  B,
} from '../b.ts';
export { c } from './c.ts';
export * from './d.ts';
const e = await import('./e.ts');
import './f.ts';
type G = import('./g.ts').G;
import { readFile } from 'node:fs';
// import { h } from './comment.ts';
`;
  expect(specifiersIn(text)).toEqual(['./a.ts', '../b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts']);
});

/** Every source file below these folders, and the files that it imports. */
function importsOf(folders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const files = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  return new Map(
    files.map((file) => {
      const specifiers = specifiersIn(readFileSync(join(repository, file), 'utf8'));
      const imported = specifiers.map((name) => relative(repository, join(repository, dirname(file), name)));
      return [file, imported.filter((name) => name.endsWith('.ts'))];
    }),
  );
}

/** The relative paths that a file imports, in its order. */
function specifiersIn(text: string): readonly string[] {
  const code = text.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  const found = code.matchAll(/(?:\bfrom|^import|\bimport\()\s*'(\.[^']+)'/gm);
  return [...found].map(([, path = '']) => path);
}

/** The sets of files of which each reaches each other one, sorted (Tarjan's strongly connected components). */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    stack.push(file);
    let lowest = index;
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, low.get(next) ?? order.get(next) ?? lowest);
      low.set(file, lowest);
    }
    low.set(file, lowest);
    if (lowest === index) {
      const component = stack.splice(stack.indexOf(file));
      if (component.length > 1 || graph.get(file)?.includes(file)) circles.push(component.sort());
    }
    return lowest;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}
