import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = import.meta.dirname;

/** The rooms of the daemon, from the ground up: a file may import its own room and those above it in this list. */
const ROOMS = [
  'errors',
  'files',
  'programs.ts',
  'validate.ts',
  'network',
  'ports',
  'guest',
  'drivers',
  'layers',
  'packages.ts',
  'state',
  'events.ts',
  'host',
  'appliance',
  'metrics.ts',
  'http',
  'stop-all.ts',
  'daemon.ts',
];

type Imports = ReadonlyMap<string, readonly string[]>;

/** File → the files that it imports, types included; paths below `src/hostd`. Tests may import anything. */
function importsOfDaemon(): Imports {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  );
  return new Map(files.map((file) => [file, importsIn(file, readFileSync(join(root, file), 'utf8'))]));
}

function importsIn(file: string, source: string): readonly string[] {
  const found = source.matchAll(/(?:\bfrom|\bimport\(|^import)\s*'(\.[^']+)'/gm);
  return [...found]
    .map(([, path = '']) => relative(root, resolve(root, dirname(file), path)))
    .filter((path) => !path.startsWith('..'));
}

function floorOf(file: string): number {
  return ROOMS.indexOf(file.split('/')[0] ?? '');
}

function upwardIn(imports: Imports): readonly string[] {
  return [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => floorOf(target) > floorOf(file)).map((target) => `${file} imports ${target}`),
  );
}

/** Each circle once, as `a → b → a`, from the file at which the search entered it. */
function circlesIn(imports: Imports): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at !== -1) circles.push([...path.slice(at), file].join(' → '));
    if (at !== -1 || done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return circles;
}

describe('the rooms of the daemon', () => {
  const imports = importsOfDaemon();

  it('are all in the list', () => {
    const files = [...imports.keys()];
    expect(files.filter((file) => floorOf(file) === -1)).toEqual([]);
    expect(ROOMS.filter((_, floor) => !files.some((file) => floorOf(file) === floor))).toEqual([]);
  });

  it('import nothing from a room above them', () => {
    expect(upwardIn(imports)).toEqual([]);
  });

  it('have no circle of imports', () => {
    expect(circlesIn(imports)).toEqual([]);
  });

  it('are read correctly: the test finds an upward import and a circle, written in any form', () => {
    const sources = {
      'errors/a.ts': "import { type B,\n  c } from '../guest/b.ts';\nimport './c.ts';",
      'errors/c.ts': "export { a } from './a.ts';\nconst d = await import('../daemon.ts');",
      'guest/b.ts': "import type { A } from '../errors/a.ts';\nimport { x } from 'node:x';",
    };
    const wrong = new Map(Object.entries(sources).map(([file, text]) => [file, importsIn(file, text)]));
    expect(upwardIn(wrong)).toEqual(['errors/a.ts imports guest/b.ts', 'errors/c.ts imports daemon.ts']);
    expect(circlesIn(wrong)).toEqual([
      'errors/a.ts → guest/b.ts → errors/a.ts',
      'errors/a.ts → errors/c.ts → errors/a.ts',
    ]);
  });
});
