import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { bundleIntoFolder } from './bundle.ts';
import { licensesOf } from './licenses.ts';

/** Files that a release contains unchanged: the starter, the kinds, the demo's task, the guest's builder, a host's unit. */
export const COPIED = [
  'bin/coppice',
  'crds',
  'examples/hello',
  'examples/systemd',
  'scripts/guest',
  'LICENSE',
];

/** The programs, below the release's folder; bin/coppice starts it. */
export const PROGRAM = 'lib/coppice.js';

/**
 * Makes a release in `folder`, which is replaced: everything that Coppice needs but Node, wherever the folder is moved.
 * @param repository a checkout with its packages installed
 */
export async function makeRelease(repository: string, folder: string): Promise<void> {
  const unfinished = `${folder}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  const modules = await bundleIntoFolder(
    {
      coppice: join(repository, 'src/cli/main.ts'),
      // A thread of the API server, which looks for it beside its own code.
      'api-worker': join(repository, 'src/apiserver/aside/program.ts'),
    },
    join(unfinished, dirname(PROGRAM)),
  );
  for (const path of COPIED) await cp(join(repository, path), join(unfinished, path), { recursive: true });
  await writeFile(join(unfinished, 'THIRD_PARTY_LICENSES.txt'), await licensesOf(modules));
  await writeFile(join(unfinished, 'package.json'), await packageJsonOf(repository));
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
}

/** Has bin/coppice of the release start the checkout's Node: for a release that stays in its checkout. */
export async function linkNode(repository: string, folder: string): Promise<void> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await symlink(relative(bin, join(repository, 'node_modules/.bin/node')), join(bin, 'node'));
}

/** Node takes from it that the files are modules, and Coppice where its files lie. */
async function packageJsonOf(repository: string): Promise<string> {
  const { name, version, description, license, type } = JSON.parse(
    await readFile(join(repository, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return `${JSON.stringify({ name, version, description, license, type }, null, 2)}\n`;
}
