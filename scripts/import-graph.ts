import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** File → the files that it imports, types included; all as paths below one folder. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The imports of all sources below `folder` (an absolute path) from each other. Tests may import anything and are left out. */
export function readImportGraph(folder: string, parts: readonly string[] = ['.']): ImportGraph {
  const files = parts.flatMap((part) =>
    readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(part, name)),
  );
  const known = new Set(files);
  return new Map(
    files.sort().map((file) => {
      const imported = specifiersIn(readFileSync(join(folder, file), 'utf8')).map((name) =>
        relative(folder, join(folder, dirname(file), name)),
      );
      return [file, [...new Set(imported)].filter((name) => known.has(name))];
    }),
  );
}

/** The relative paths that a source imports, in its order: statically, later, for types, or to export them again. */
export function specifiersIn(source: string): readonly string[] {
  const code = source.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  const found = code.matchAll(/(?:\bfrom|^import|\bimport\()\s*'(\.[^']+)'/gm);
  return [...found].map(([, path = '']) => path);
}

/** The sets of files that reach each other, sorted (Tarjan's strongly connected components). */
export function circlesIn(graph: ImportGraph): readonly (readonly string[])[] {
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): number => {
    const index = low.size;
    low.set(file, index);
    stack.push(file);
    let lowest = index;
    for (const next of graph.get(file) ?? []) {
      if (!low.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, low.get(next) ?? lowest);
    }
    low.set(file, lowest);
    if (lowest === index) {
      const component = stack.splice(stack.indexOf(file));
      if (component.length > 1 || graph.get(file)?.includes(file)) circles.push(component.sort());
    }
    return lowest;
  };
  for (const file of graph.keys()) if (!low.has(file)) visit(file);
  return circles.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

/** `a imports b` for each import that `isAllowed` refuses. */
export function refusedImports(
  graph: ImportGraph,
  isAllowed: (from: string, to: string) => boolean,
): readonly string[] {
  return [...graph].flatMap(([from, targets]) =>
    targets.filter((to) => !isAllowed(from, to)).map((to) => `${from} imports ${to}`),
  );
}
