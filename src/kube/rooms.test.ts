import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/** File → the files that it imports, all as paths below one folder. */
type Graph = ReadonlyMap<string, readonly string[]>;

/** Room → the rooms that its sources may import besides itself; '' is what stands beside the rooms. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  '': [],
  http: [''],
  client: ['', 'http'],
  informer: ['', 'http', 'client'],
  controller: ['', 'http', 'client', 'informer'],
  election: ['', 'http', 'client'],
  events: ['', 'http', 'client'],
  // Doubles may imitate anything, and only tests import them.
  testing: ['', 'http', 'client', 'informer', 'controller', 'election', 'events'],
};
const IMPORT = /(?:from|import|import\()\s*'(\.\.?\/[^']+)'/g;

describe('the rooms of src/kube', () => {
  const graph = readGraph(import.meta.dirname);

  it('are read whole', () => {
    expect([...new Set([...graph.keys()].map(roomOf))].sort()).toEqual(Object.keys(ROOMS).sort());
    expect(graph.get('client/create.ts')).toContain('http/transport.ts');
  });

  it('have no circle of imports', () => {
    expect(circleIn(graph)).toBeUndefined();
  });

  it('import only the rooms below them', () => {
    expect(forbiddenIn(graph)).toEqual([]);
  });
});

describe('the check of the rooms', () => {
  it('names the files of a circle', () => {
    const graph = new Map([
      ['client/a.ts', ['client/b.ts']],
      ['client/b.ts', ['http/c.ts', 'client/d.ts']],
      ['client/d.ts', ['client/b.ts']],
      ['http/c.ts', []],
    ]);
    expect(circleIn(graph)).toBe('client/b.ts -> client/d.ts -> client/b.ts');
  });

  it('names an import of a room that is not below', () => {
    const graph = new Map([
      ['api-error.ts', ['http/c.ts']],
      ['http/c.ts', ['client/a.ts', 'http/e.ts', 'api-error.ts']],
      ['client/a.ts', ['testing/t.ts']],
      ['unknown/x.ts', ['http/c.ts']],
    ]);
    expect(forbiddenIn(graph)).toEqual([
      'api-error.ts -> http/c.ts',
      'http/c.ts -> client/a.ts',
      'client/a.ts -> testing/t.ts',
      'unknown/x.ts -> http/c.ts',
    ]);
  });
});

/** The imports of all sources below the folder from each other; tests may import anything. */
function readGraph(folder: string): Graph {
  const files = globSync('**/*.ts', { cwd: folder, exclude: ['**/*.test.ts'] }).sort();
  return new Map(
    files.map((file) => {
      const imported = [...readFileSync(join(folder, file), 'utf8').matchAll(IMPORT)].map(([, path = '']) =>
        normalize(join(dirname(file), path)),
      );
      return [file, imported.filter((path) => files.includes(path))];
    }),
  );
}

/** The files of one circle, in order; undefined when there is none. */
function circleIn(graph: Graph): string | undefined {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' -> ');
    if (finished.has(file)) return undefined;
    for (const imported of graph.get(file) ?? []) {
      const circle = visit(imported, [...path, file]);
      if (circle !== undefined) return circle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

function forbiddenIn(graph: Graph): string[] {
  return [...graph].flatMap(([file, imported]) => {
    const room = roomOf(file);
    const allowed = [room, ...(ROOMS[room] ?? [])];
    return imported
      .filter((other) => !(room in ROOMS) || !allowed.includes(roomOf(other)))
      .map((other) => `${file} -> ${other}`);
  });
}

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '';
}
