/**
 * `npm run image -- [--host] [--name REPOSITORY:TAG] OUT.tar`: the image that Dockerfile describes, without docker or a registry:
 * Node from node_modules, a release of this checkout, and, with --host, QEMU from this machine's Debian packages.
 * Load it with `docker load -i OUT.tar` or `ctr -n k8s.io images import OUT.tar`.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { makeRelease } from './build/release.ts';
import { type Layer, packLayer, writeArchive } from './image/archive.ts';
import { addCoppice, addHostPrograms, ENTRYPOINT, ETC, USERS } from './image/files.ts';

const repository = resolve(import.meta.dirname, '..');

async function coppiceLayer(work: string): Promise<Layer> {
  const root = join(work, 'coppice');
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await mkdir(join(root, 'etc'));
  for (const [name, text] of Object.entries(ETC)) await writeFile(join(root, 'etc', name), text);
  const release = join(work, 'release');
  await makeRelease(repository, release);
  await addCoppice(release, root);
  return await packLayer(root, join(work, 'coppice.tar'));
}

async function hostLayer(work: string): Promise<Layer> {
  const root = join(work, 'host');
  await addHostPrograms(root);
  return await packLayer(root, join(work, 'host.tar'));
}

const { values, positionals } = parseArgs({
  options: { host: { type: 'boolean', default: false }, name: { type: 'string' } },
  allowPositionals: true,
});
const [file] = positionals;
if (file === undefined || positionals.length > 1) {
  console.error('usage: npm run image -- [--host] [--name REPOSITORY:TAG] OUT.tar');
  process.exit(2);
}
const out = resolve(file);
const name = values.name ?? `localhost/coppice${values.host ? '-host' : ''}:${packageJson.version}`;
await mkdir(dirname(out), { recursive: true });
// Beside the result, which is renamed into its place when it is whole.
const work = await mkdtemp(`${out}.work-`);
try {
  const layers = [await coppiceLayer(work), ...(values.host ? [await hostLayer(work)] : [])];
  await writeArchive(
    work,
    layers,
    {
      name,
      user: values.host ? USERS.host : USERS.operator,
      entrypoint: ENTRYPOINT,
    },
    out,
  );
  console.log(`${out}: ${name}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
