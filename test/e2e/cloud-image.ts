import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { locate } from '../../src/hostd/programs.ts';
import { notRoot } from '../skip.ts';

const run = promisify(execFile);

const SEARCH = `${process.env.PATH}:/usr/sbin:/sbin`;
const needed = ['mmdebstrap', 'mcopy', 'sfdisk', 'mke2fs', 'xorriso', 'qemu-img'];
const missing = (
  await Promise.all(needed.map(async (name) => ((await locate(name, SEARCH)) === undefined ? [name] : [])))
).flat();

/** Why no cloud image can be built here; undefined where one can. */
export const noCloudImage =
  missing.length === 0
    ? notRoot
    : `no ${missing.join(', ')} in the PATH: \`sh scripts/bootstrap.sh deps test\` installs them on Debian`;

/** A file of a build. */
export interface BuiltFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
}

/** What `test/cloud-image/build-cloud-image.sh` makes: a cloud image without an agent, and the packages of one. */
export interface CloudImage {
  readonly disk: BuiltFile;
  readonly agentPackages: readonly BuiltFile[];
}

/** Builds the cloud image into `.coppice/` of the repository, or finds it there. */
export async function buildCloudImage(repository: string): Promise<CloudImage> {
  const script = join(repository, 'test/cloud-image/build-cloud-image.sh');
  const { stdout } = await run(script, ['--quiet', join(repository, '.coppice/test-cloud-image')]);
  const folder = stdout.trim();
  const { files, agentPackages } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
    readonly files: Readonly<Record<string, { readonly sha256: string }>>;
    readonly agentPackages: readonly string[];
  };
  const fileOf = (name: string) => ({ name, path: join(folder, name), sha256: files[name]?.sha256 ?? '' });
  return { disk: fileOf('disk.qcow2'), agentPackages: agentPackages.map(fileOf) };
}
