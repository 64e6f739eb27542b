import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { makeDeb } from '../../../scripts/build/deb.ts';
import { linkNode, makeRelease, PROGRAM } from '../../../scripts/build/release.ts';
import { VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { applyManifests, readManifests } from '../../../src/cli/manifests.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { Parts } from './parts.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const { commands } = await createProgram('main.ts');

const PATIENCE_MS = 60_000;
const POLL_MS = 200;

describe('a release', () => {
  let folder: string;
  let release: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-release-'));
    release = join(folder, 'coppice');
    await makeRelease(repository, release);
    await linkNode(repository, release);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const coppice = async (...args: string[]) =>
    (await run(join(release, 'bin/coppice'), args, { cwd: folder })).stdout;
  /** The same help, made in this process. */
  const helpOf = async (...names: string[]): Promise<string> => {
    const program = await createProgram('main.ts', ...names);
    const command = program.commands.find((one) => one.name() === names[0]) ?? program;
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    return help;
  };

  it('knows its version', async () => {
    expect(await coppice('--version')).toBe(`${packageJson.version}\n`);
  });

  it.each([[], ...commands.map((command) => [command.name()])])(
    '%s --help says what the sources say',
    async (...name) => {
      const help = await coppice(...name, '--help');
      expect(help).toContain('Usage: coppice');
      expect(help).toBe(await helpOf(...name));
    },
  );

  it('has every file that it starts or reads, and the licences of what is in it', async () => {
    for (const path of ['scripts/guest/build-minimal.sh', 'examples/hello', 'LICENSE']) {
      await access(join(release, path));
    }
    expect(await readdir(join(release, 'crds'))).toEqual(await readdir(join(repository, 'crds')));
    const licences = await readFile(join(release, 'THIRD_PARTY_LICENSES.txt'), 'utf8');
    for (const name of ['@kubernetes/client-node', 'commander', 'fastify', 'undici']) {
      expect(licences).toContain(`\n${name} ${versionOf(name)} (`);
    }
    expect(licences).toContain('formdata-polyfill. MIT License.');
  });

  it('names an option that is wrong as the sources do', async () => {
    await expect(coppice('hostd', '--nonsense')).rejects.toThrow("unknown option '--nonsense'");
    await expect(coppice('get', '--kubeconfig', join(folder, 'kubeconfig'))).rejects.toThrow(
      'does not exist',
    );
  });

  it('is a Debian package, with its own Node, and the unit of a host', async () => {
    const deb = join(folder, 'coppice.deb');
    const root = join(folder, 'root');
    await makeDeb(repository, deb);
    await run('dpkg-deb', ['--extract', deb, root]);
    const { stdout } = await run(join(root, 'opt/coppice/bin/coppice'), ['--version'], { env: {} });
    expect(stdout).toBe(`${packageJson.version}\n`);
    const unit = await readFile(join(root, 'usr/lib/systemd/system/coppice-hostd.service'), 'utf8');
    expect(unit).toBe(await readFile(join(repository, 'examples/systemd/coppice-hostd.service'), 'utf8'));
  });

  it('grows the appliances of a task', async () => {
    const parts = await Parts.start(join(release, PROGRAM));
    try {
      await parts.addTemplate();
      await applyManifests(parts.client, await readManifests(join(release, 'examples/hello')));
      expect(await statesOf(parts, 2)).toEqual(['ServiceAvailable', 'ServiceAvailable']);
    } finally {
      await parts.close();
    }
  });
});

function versionOf(name: string): string | undefined {
  return (packageJson.dependencies as Readonly<Record<string, string>>)[name];
}

/** The states of all services, as soon as so many answer, or when patience ends. */
async function statesOf(parts: Parts, count: number): Promise<(string | undefined)[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { items } = await parts.client.list(VIRTUAL_APPLIANCES);
    const states = items.map(({ status }) => status?.serviceState);
    const available = states.filter((state) => state === 'ServiceAvailable').length;
    if (available === count || performance.now() > deadline) return states;
    await delay(POLL_MS);
  }
}
