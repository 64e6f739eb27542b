import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { makeRelease } from './release.ts';

const run = promisify(execFile);

/** Where it is installed, as examples/systemd has it. */
const HOME = 'opt/coppice';
const UNIT = 'coppice-hostd.service';
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Writes the Debian package, with the Node that runs this. Rejects where dpkg-deb is not installed. */
export async function makeDeb(repository: string, out: string): Promise<void> {
  await mkdir(dirname(out), { recursive: true });
  // Beside the result, which is renamed into its place when it is whole.
  const work = await mkdtemp(`${out}.work-`);
  try {
    const root = join(work, 'root');
    await chmod(work, 0o755);
    await fill(repository, root);
    const made = join(work, 'coppice.deb');
    await run('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z3', '--build', root, made]);
    await rename(made, out);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fill(repository: string, root: string): Promise<void> {
  const home = join(root, HOME);
  for (const folder of [dirname(home), join(root, 'usr/bin'), join(root, 'usr/lib/systemd/system')]) {
    await mkdir(folder, { recursive: true });
  }
  await makeRelease(repository, home);
  const node = await realpath(process.execPath);
  await cp(node, join(home, 'bin/node'));
  await cp(join(dirname(node), '../LICENSE'), join(home, 'NODE_LICENSE.txt'));
  await cp(join(home, 'examples/systemd', UNIT), join(root, 'usr/lib/systemd/system', UNIT));
  for (const name of ['coppice', 'kubectl-coppice']) {
    await symlink(`/${HOME}/bin/coppice`, join(root, 'usr/bin', name));
  }
  await mkdir(join(root, 'DEBIAN'));
  await writeFile(join(root, 'DEBIAN/control'), controlOf(process.arch));
}

/** https://www.debian.org/doc/debian-policy/ch-controlfields.html */
function controlOf(arch: string): string {
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined) throw new Error(`there is no Debian architecture for ${arch}`);
  const fields = {
    Package: packageJson.name,
    Version: packageJson.version,
    Architecture: architecture,
    Maintainer: 'The Coppice project',
    Section: 'admin',
    Priority: 'optional',
    Depends: 'libc6, libstdc++6',
    Recommends: 'qemu-system-x86, qemu-utils, iproute2, ovmf, xz-utils, zstd, bzip2, xorriso',
    Description: packageJson.description,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
