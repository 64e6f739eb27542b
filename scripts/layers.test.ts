import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** Room → what it may import, as docs/architecture.md has it; every other room is forbidden. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/api': [],
  'src/domain': ['src/api'],
  'src/kube': ['src/api'],
  'src/apiserver': ['src/api'],
  'src/host': ['src/api', 'src/domain'],
  'src/hostd': ['src/host', 'src/domain', 'src/api'],
  'src/dashboard': ['src/api', 'src/domain', 'src/kube'],
  controllers: ['src/api', 'src/domain', 'src/kube', 'src/host'],
};
const ALL = [...Object.keys(ROOMS), 'src/cli', 'src/main'];
const DEPTHS = ['', 'deep/', 'deep/deeper/'];

describe('the layer rule of biome.json', () => {
  let folder: string;
  let refused: ReadonlySet<string>;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'coppice-layers-')));
    const config = JSON.parse(await readFile(join(repository, 'biome.json'), 'utf8')) as object;
    await writeFile(join(folder, 'biome.json'), JSON.stringify({ ...config, $schema: undefined, vcs: {} }));
    const probes = Object.keys(ROOMS).flatMap((room) => DEPTHS.map((depth) => `${room}/${depth}probe.ts`));
    for (const probe of probes)
      await write(probe, ALL.map((other) => importOf(probe, `${other}/x.ts`)).join('\n'));
    await write(
      'src/hostd/protocol-probe.ts',
      importOf('src/hostd/protocol-probe.ts', 'src/host/protocol.ts'),
    );
    await write('src/hostd/client-probe.ts', importOf('src/hostd/client-probe.ts', 'src/host/client.ts'));
    refused = await refusedImports();
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${text}\n`);
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
      execFile(biome, args, { cwd: folder }, (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve(stdout + stderr);
      });
    });
    const found = output.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g);
    return new Set([...found].map(([, file = '', line]) => `${relative(folder, join('/', file))}:${line}`));
  }

  it.each(
    Object.entries(ROOMS).flatMap(([room, allowed]) =>
      DEPTHS.map((depth) => [`${room}/${depth}`, room, allowed] as const),
    ),
  )('lets %s import what the table says, and nothing else', (path, room, allowed) => {
    const seen = ALL.filter((_, at) => refused.has(`${path}probe.ts:${at + 1}`));
    expect(seen).toEqual(ALL.filter((other) => other !== room && !allowed.includes(other)));
  });

  it('lets the daemon import the protocol, but not its client', () => {
    expect(refused).not.toContain('src/hostd/protocol-probe.ts:1');
    expect(refused).toContain('src/hostd/client-probe.ts:1');
  });

  it('is the table of docs/architecture.md', async () => {
    const page = await readFile(join(repository, 'docs/architecture.md'), 'utf8');
    for (const [room, allowed] of Object.entries(ROOMS)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${room}/\``));
      if (row === undefined) continue; // src/dashboard is not there yet
      const cell = row.split('|').at(-2)?.trim() ?? '';
      const named =
        cell === 'nothing of ours'
          ? []
          : cell.split(', ').map((name) => `src/${name.replace('/protocol', '')}`);
      expect(named.sort(), room).toEqual([...allowed].sort());
    }
  });
});

function importOf(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return `import '${path.startsWith('.') ? path : `./${path}`}';`;
}
