import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The folders of the controllers. Every other file and folder here is shared, except the list of controllers, index.ts. */
const CONTROLLERS = ['host', 'ippool', 'placement', 'servicedeployment', 'template', 'virtualappliance'];

/** The files of a folder with the files in it that each of them imports, by paths relative to the folder. */
type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** `import … from './x.ts'`, `export … from './x.ts'` and `import './x.ts'`, at the beginning of a line. */
const STATIC_IMPORT = /^(?:import|export)\s+(?:[^'";]*\sfrom\s+)?'(\.[^']+)'/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*'(\.[^']+)'/g;

async function importGraph(folder: string): Promise<ImportGraph> {
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ts')).sort();
  const known = new Set(files);
  const entries = files.map(async (file) => {
    const text = await readFile(join(folder, file), 'utf8');
    const specifiers = [...text.matchAll(STATIC_IMPORT), ...text.matchAll(DYNAMIC_IMPORT)].map(
      ([, path = '']) => path,
    );
    const targets = specifiers.map((path) => normalize(join(dirname(file), path)));
    return [file, [...new Set(targets)].filter((target) => known.has(target))] as const;
  });
  return new Map(await Promise.all(entries));
}

/** The controller whose folder has the file; undefined for a shared file. */
function controllerOf(file: string): string | undefined {
  return CONTROLLERS.find((name) => file.startsWith(`${name}/`));
}

function importsBetween(graph: ImportGraph, isForbidden: (from: string, to: string) => boolean): string[] {
  return [...graph].flatMap(([from, targets]) =>
    targets.filter((to) => isForbidden(from, to)).map((to) => `${from} imports ${to}`),
  );
}

function betweenControllers(graph: ImportGraph): string[] {
  return importsBetween(graph, (from, to) => {
    const [importer, imported] = [controllerOf(from), controllerOf(to)];
    return importer !== undefined && imported !== undefined && importer !== imported;
  });
}

function fromSharedToController(graph: ImportGraph): string[] {
  const isShared = (file: string) => controllerOf(file) === undefined && file !== 'index.ts';
  return importsBetween(graph, (from, to) => isShared(from) && controllerOf(to) !== undefined);
}

/** A controller's folder has controller.ts on top: no other file in it imports that one, nor does anything import index.ts. */
function upwards(graph: ImportGraph): string[] {
  return importsBetween(graph, (from, to) => {
    if (from.endsWith('.test.ts')) return false;
    return to === 'index.ts' || (from !== 'index.ts' && to.endsWith('/controller.ts'));
  });
}

/** The circles of imports, each once, as `a → b → a`. Imports of types count, too: they tie files together as well. */
function circles(graph: ImportGraph): string[] {
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || finished.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

describe('the rooms of controllers/', () => {
  it('has a folder for each controller that is named here, and index.ts imports each of them', async () => {
    const graph = await importGraph(import.meta.dirname);
    const imported = new Set((graph.get('index.ts') ?? []).map(controllerOf));
    expect(CONTROLLERS.filter((name) => !imported.has(name))).toEqual([]);
    const withController = [...graph.keys()].filter((file) => file.endsWith('/controller.ts')).map(dirname);
    expect(withController.sort()).toEqual(CONTROLLERS);
  });

  it('keeps controllers apart, and shared files below them', async () => {
    const graph = await importGraph(import.meta.dirname);
    expect(betweenControllers(graph)).toEqual([]);
    expect(fromSharedToController(graph)).toEqual([]);
    expect(upwards(graph)).toEqual([]);
  });

  it('has no circle of imports', async () => {
    expect(circles(await importGraph(import.meta.dirname))).toEqual([]);
  });

  it('finds what breaks the rules', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coppice-rooms-'));
    const files = {
      'host/controller.ts': "import { a } from '../template/status.ts';\n",
      'template/status.ts': "import type { Context } from '../context.ts';\n",
      'template/release.ts': "import './controller.ts';\n",
      'template/controller.ts': "export const lazy = () => import('./status.ts');\n",
      'context.ts': "import {\n  type B,\n  c,\n} from './template/status.ts';\n",
      'index.ts': "export { a } from './host/controller.ts';\n",
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const graph = await importGraph(folder).finally(() => rm(folder, { recursive: true }));
    expect(betweenControllers(graph)).toEqual(['host/controller.ts imports template/status.ts']);
    expect(fromSharedToController(graph)).toEqual(['context.ts imports template/status.ts']);
    expect(upwards(graph)).toEqual(['template/release.ts imports template/controller.ts']);
    expect(circles(graph)).toEqual(['context.ts → template/status.ts → context.ts']);
    expect(graph.get('template/controller.ts')).toEqual(['template/status.ts']);
  });
});
