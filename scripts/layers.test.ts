import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CODE_ROOMS, DEPTH, ROOMS, SIBLINGS } from './layers.ts';

const repository = join(import.meta.dirname, '..');
const DEPTHS = Array.from({ length: DEPTH + 1 }, (_, depth) => 'deep/'.repeat(depth));

/** A folder of the repository, and for each other one whether its files may import it. */
type Expectation = readonly [folder: string, mayImport: Readonly<Record<string, boolean>>];

const ROOM_EXPECTATIONS: readonly Expectation[] = ROOMS.flatMap(({ path, mayImport }) =>
  mayImport === undefined
    ? []
    : [[path, fromEntries(CODE_ROOMS, (other) => other === path || mayImport.includes(other))] as const],
);

/** Worked out here again, from what lies in the folders: for a sibling, its siblings and the shared folders. */
const SIBLING_EXPECTATIONS: readonly Expectation[] = SIBLINGS.flatMap(({ folder, shared }) => {
  const names = readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  return names.map((name) => {
    const others = names.filter((other) => other !== name).map((other) => `${folder}/${other}`);
    return [
      `${folder}/${name}`,
      fromEntries(others, (other) => shared.includes(other.slice(folder.length + 1))),
    ] as const;
  });
});
const EXPECTATIONS = [...ROOM_EXPECTATIONS, ...SIBLING_EXPECTATIONS];

/** The daemon may read these of the room of its API: it connects to other daemons, but never asks them as the operator does. */
const PROTOCOL = [
  'build-schemas.ts',
  'connector.ts',
  'host-schemas.ts',
  'layer-schemas.ts',
  'problem.ts',
  'protocol.ts',
  'schemas.ts',
  'states.ts',
  'streams.ts',
  'typed-schema.ts',
  'values.ts',
];
const HOST_FILES = readdirSync(join(repository, 'src/host')).filter((name) => !name.endsWith('.test.ts'));

describe('the layer rule of biome.json', () => {
  let folder: string;
  let refused: ReadonlySet<string>;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'coppice-layers-')));
    const config = JSON.parse(await readFile(join(repository, 'biome.json'), 'utf8')) as object;
    await writeFile(join(folder, 'biome.json'), JSON.stringify({ ...config, $schema: undefined, vcs: {} }));
    for (const [index, [path, mayImport]] of EXPECTATIONS.entries())
      for (const depth of DEPTHS) {
        const probe = `${path}/${depth}probe-${index}.ts`;
        await write(
          probe,
          Object.keys(mayImport).map((other) => importOf(probe, `${other}/x.ts`)),
        );
      }
    for (const depth of DEPTHS) {
      const probe = `src/hostd/${depth}host-probe.ts`;
      await write(
        probe,
        HOST_FILES.map((name) => importOf(probe, `src/host/${name}`)),
      );
    }
    refused = await refusedImports();
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (path: string, lines: readonly string[]) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${lines.join('\n')}\n`);
  };

  /** `FILE:LINE` of every import that biome refuses. */
  async function refusedImports(): Promise<ReadonlySet<string>> {
    const biome = join(repository, 'node_modules/.bin/biome');
    const args = [
      'lint',
      '--only=style/noRestrictedImports',
      '--max-diagnostics=none',
      '--reporter=github',
      '.',
    ];
    const output = await new Promise<string>((resolve, reject) => {
      execFile(biome, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve(stdout + stderr);
      });
    });
    const found = output.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g);
    return new Set([...found].map(([, file = '', line]) => `${relative(folder, join('/', file))}:${line}`));
  }

  it.each(
    EXPECTATIONS.flatMap(([path, mayImport], index) =>
      DEPTHS.map((depth) => [`${path}/${depth}`, index, mayImport] as const),
    ),
  )('lets %s import what the list says, and nothing else', (path, index, mayImport) => {
    const others = Object.keys(mayImport);
    const seen = others.filter((_, at) => refused.has(`${path}probe-${index}.ts:${at + 1}`));
    expect(seen).toEqual(others.filter((other) => !mayImport[other]));
  });

  it.each(DEPTHS)("lets the daemon's src/hostd/%s import the protocol, but not its client", (depth) => {
    const allowed = HOST_FILES.filter((_, at) => !refused.has(`src/hostd/${depth}host-probe.ts:${at + 1}`));
    expect(allowed).toEqual(PROTOCOL);
  });
});

it('the rooms are all folders that hold code', () => {
  const entries = readdirSync(join(repository, 'src'), { withFileTypes: true });
  const folders = entries.flatMap((entry) => (entry.isDirectory() ? [`src/${entry.name}`] : []));
  const notYetThere = ['src/dashboard'];
  expect([...folders, ...notYetThere, 'controllers'].sort()).toEqual([...CODE_ROOMS].sort());
});

it('no folder of code is deeper than the rules reach', () => {
  const tooDeep = EXPECTATIONS.flatMap(([path]) => {
    if (path === 'src/dashboard') return [];
    const entries = readdirSync(join(repository, path), { recursive: true, encoding: 'utf8' });
    return entries.filter((entry) => entry.split('/').length > DEPTH + 1).map((entry) => `${path}/${entry}`);
  });
  expect(tooDeep).toEqual([]);
});

function fromEntries(names: readonly string[], value: (name: string) => boolean): Record<string, boolean> {
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

function importOf(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return `import '${path.startsWith('.') ? path : `./${path}`}';`;
}
