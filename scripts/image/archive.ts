import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** So that the same files give the same bytes. */
const REPRODUCIBLE = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** One file system layer, as a tar file. */
export interface Layer {
  readonly path: string;
  readonly sha256: string;
}

export interface ImageConfig {
  /** `repository:tag`. */
  readonly name: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
}

/** Packs the folder `root` as `file`. */
export async function packLayer(root: string, file: string): Promise<Layer> {
  await run('tar', [...REPRODUCIBLE, '--create', '--file', file, '--directory', root, '.']);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { path: file, sha256: hash.digest('hex') };
}

/**
 * Writes the image as `docker save` would (`docker load`, `ctr images import` and `podman load` read it).
 * https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
 */
export async function writeArchive(
  work: string,
  layers: readonly Layer[],
  { name, user, entrypoint }: ImageConfig,
  out: string,
): Promise<void> {
  const config = JSON.stringify({
    architecture: ARCHITECTURES[process.arch],
    os: 'linux',
    config: {
      User: user,
      Entrypoint: entrypoint,
      WorkingDir: '/',
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ sha256 }) => `sha256:${sha256}`) },
  });
  const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
  const folder = join(work, 'archive');
  await mkdir(folder);
  await writeFile(join(folder, configName), config);
  for (const { path, sha256 } of layers) await rename(path, join(folder, `${sha256}.tar`));
  const Layers = layers.map(({ sha256 }) => `${sha256}.tar`);
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify([{ Config: configName, RepoTags: [name], Layers }]),
  );
  await run('tar', [...REPRODUCIBLE, '--create', '--file', `${out}.tmp`, '--directory', folder, '.']);
  await rename(`${out}.tmp`, out);
}
