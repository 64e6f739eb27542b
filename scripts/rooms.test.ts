import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  circlesIn,
  type ImportGraph,
  readImportGraph,
  refusedImports,
  specifiersIn,
} from './import-graph.ts';
import { SIBLINGS } from './layers.ts';

const repository = join(import.meta.dirname, '..');

/** The rooms of the daemon, from the ground up: a file may import its own room and those before it in this list. */
const HOSTD = [
  'errors',
  'files',
  'programs.ts',
  'validate.ts',
  'network',
  'ports',
  'guest',
  'drivers',
  'uploads',
  'layers',
  'checkpoints',
  'imports',
  'packages.ts',
  'state',
  'events.ts',
  'host',
  'appliance',
  'seals',
  'metrics.ts',
  'http',
  'stop-all.ts',
  'daemon.ts',
];

/** The rooms of the embedded API server, from the ground up. */
const APISERVER = [
  'types.ts',
  'field-errors.ts',
  'status-errors.ts',
  'schema',
  'storage',
  'codec',
  'meta',
  'selectors',
  'auth',
  'apply',
  'registry',
  'table.ts',
  'http',
  'extension',
  'core-kinds',
  'handlers',
  'watch',
  'aside',
  'bootstrap.ts',
  'controllers',
  'discovery',
  'routing',
  'server.ts',
];

/** Room of `src/kube` → the rooms that it may import besides itself; '' is the files beside the rooms. */
const KUBE: Readonly<Record<string, readonly string[]>> = {
  '': [],
  http: [''],
  client: ['', 'http'],
  informer: ['', 'http', 'client'],
  controller: ['', 'http', 'client', 'informer'],
  election: ['', 'http', 'client'],
  events: ['', 'http', 'client'],
  // Test doubles may imitate anything, and only tests import them.
  testing: ['', 'http', 'client', 'informer', 'controller', 'election', 'events'],
};

const CONTROLLERS_SHARED = SIBLINGS.find(({ room }) => room === 'controllers')?.shared ?? [];

it('no files of src and controllers import each other in a circle, types included', () => {
  const graph = readImportGraph(repository, ['src', 'controllers']);
  expect(graph.size).toBeGreaterThan(300);
  expect(circlesIn(graph)).toEqual([]);
});

describe.each([
  ['src/hostd', HOSTD],
  ['src/apiserver', APISERVER],
])('the rooms of %s', (folder, rooms) => {
  const graph = readImportGraph(join(repository, folder));

  it('are all in the list', () => {
    expect([...new Set([...graph.keys()].map(firstOf))].sort()).toEqual([...rooms].sort());
  });

  it('import nothing from a room above them', () => {
    expect(refusedImports(graph, isDownward(rooms))).toEqual([]);
  });
});

describe('the rooms of src/kube', () => {
  const graph = readImportGraph(join(repository, 'src/kube'));

  it('are all in the table', () => {
    expect([...new Set([...graph.keys()].map(roomOf))].sort()).toEqual(Object.keys(KUBE).sort());
  });

  it('import only the rooms below them', () => {
    expect(refusedImports(graph, isInTable)).toEqual([]);
  });
});

// The linter keeps controllers' folders apart (layers.ts); what it cannot say is which file of a folder is on top.
describe('the rooms of controllers/', () => {
  const graph = readImportGraph(join(repository, 'controllers'));

  it('are listed by index.ts, each with its controller', () => {
    const folders = [...new Set([...graph.keys()].filter((file) => file.includes('/')).map(firstOf))];
    const listed = (graph.get('index.ts') ?? []).filter((file) => file.includes('/')).map(firstOf);
    expect([...new Set(listed)].sort()).toEqual(
      folders.filter((folder) => !CONTROLLERS_SHARED.includes(folder)).sort(),
    );
  });

  it('import neither index.ts nor a controller.ts from below', () => {
    expect(refusedImports(graph, isBelowController)).toEqual([]);
  });
});

describe('the checks of the rooms', () => {
  it('see imports of values, types and of what is loaded later', () => {
    const source = `
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
    const all = ['./a.ts', '../b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts'];
    expect(specifiersIn(source)).toEqual(all);
  });

  it('find circles of imports, each with all of its files', () => {
    const graph: ImportGraph = new Map([
      ['a', ['b', 'x']],
      ['b', ['c']],
      ['c', ['a', 'd']],
      ['d', ['d']],
      ['x', ['y']],
      ['y', []],
    ]);
    expect(circlesIn(graph)).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('find upward imports', () => {
    const daemon: ImportGraph = new Map([
      ['errors/a.ts', ['guest/b.ts', 'errors/c.ts']],
      ['guest/b.ts', ['errors/a.ts', 'daemon.ts']],
    ]);
    expect(refusedImports(daemon, isDownward(HOSTD))).toEqual([
      'errors/a.ts imports guest/b.ts',
      'guest/b.ts imports daemon.ts',
    ]);
    const kube: ImportGraph = new Map([['http/a.ts', ['client/b.ts', 'api-error.ts']]]);
    expect(refusedImports(kube, isInTable)).toEqual(['http/a.ts imports client/b.ts']);
    const controllers: ImportGraph = new Map([
      ['index.ts', ['host/controller.ts']],
      ['host/status.ts', ['host/controller.ts', 'index.ts', 'context.ts']],
    ]);
    expect(refusedImports(controllers, isBelowController)).toEqual([
      'host/status.ts imports host/controller.ts',
      'host/status.ts imports index.ts',
    ]);
  });
});

function isDownward(rooms: readonly string[]): (from: string, to: string) => boolean {
  return (from, to) => rooms.indexOf(firstOf(to)) <= rooms.indexOf(firstOf(from));
}

function isInTable(from: string, to: string): boolean {
  const room = roomOf(from);
  return [room, ...(KUBE[room] ?? [])].includes(roomOf(to));
}

function isBelowController(from: string, to: string): boolean {
  return to !== 'index.ts' && (from === 'index.ts' || !to.endsWith('/controller.ts'));
}

function firstOf(file: string): string {
  return file.split('/')[0] ?? '';
}

function roomOf(file: string): string {
  return file.includes('/') ? firstOf(file) : '';
}
