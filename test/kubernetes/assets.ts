import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, chmod, constants, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a control plane needs at least. */
const needed = ['etcd', 'kube-apiserver'] as const;

/** What the packed program is, by the name under which it is called. */
const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

/** Where Kubernetes' programs are kept for the tests. */
const cache = join(homedir(), '.cache', 'coppice', 'k8s');

/** Packed programs beside the checkout, as the developers' machines have them. */
const packed = fileURLToPath(new URL('../../../shared/k8s/bin/', import.meta.url));

const howToGetThem =
  'no Kubernetes programs: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver (setup-envtest makes one)';

/**
 * The folder with Kubernetes' programs: that of KUBEBUILDER_ASSETS, as envtest's users name it, or the tests' cache,
 * filled from the packed programs beside the checkout where there are any. Rejects with how to get them.
 */
export async function findKubernetesPrograms(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = env.KUBEBUILDER_ASSETS ?? '';
  if (folder !== '') {
    const missing = await missingIn(folder, needed);
    if (missing !== undefined) throw new Error(`${howToGetThem}; ${folder} has no ${missing}`);
    return folder;
  }
  for (const name of needed) {
    if ((await findProgram(name)) === undefined) throw new Error(howToGetThem);
  }
  return cache;
}

/** The path of a program in the tests' cache, unpacked now if need be; undefined when there is none. */
export async function findProgram(name: (typeof names)[number]): Promise<string | undefined> {
  const program = join(cache, name);
  return (await isExecutable(program)) || (await unpack()) ? program : undefined;
}

async function missingIn(folder: string, programs: readonly string[]): Promise<string | undefined> {
  for (const program of programs) {
    if (!(await isExecutable(join(folder, program)))) return program;
  }
  return undefined;
}

/** Flux's controllers, each packed by itself. */
export type FluxProgram = 'source-controller' | 'kustomize-controller';

/**
 * The path of one of Flux's controllers: of KUBEBUILDER_ASSETS, or of the tests' cache, unpacked now if need be; undefined when
 * there is none.
 */
export async function findFluxProgram(
  name: FluxProgram,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const given = join(env.KUBEBUILDER_ASSETS ?? '', name);
  if (env.KUBEBUILDER_ASSETS && (await isExecutable(given))) return given;
  const program = join(cache, name);
  if (await isExecutable(program)) return program;
  const archive = join(packed, `${name}.zst`);
  if (!(await isReadable(archive))) return undefined;
  await checkSum(archive);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'unpack-'));
  try {
    await run('zstd', ['-dqf', archive, '-o', join(work, name)]);
    await chmod(join(work, name), 0o755);
    await rename(join(work, name), program);
    return program;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The file with Flux's kinds: `flux-crds.yaml` in KUBEBUILDER_ASSETS or the cache, or beside the packed programs. */
export async function findFluxKinds(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const beside = fileURLToPath(new URL('../../../shared/k8s/flux/crds.yaml', import.meta.url));
  const folders = [...(env.KUBEBUILDER_ASSETS ? [env.KUBEBUILDER_ASSETS] : []), cache];
  for (const path of [...folders.map((folder) => join(folder, 'flux-crds.yaml')), beside]) {
    if (await isReadable(path)) return path;
  }
  return undefined;
}

/** Unpacks into a folder of its own and renames, so that two runs at once do not meet half a file. */
async function unpack(): Promise<boolean> {
  const archive = join(packed, 'kubernetes.zst');
  if (!(await isReadable(archive))) return false;
  await checkSum(archive);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'unpack-'));
  try {
    const program = join(work, 'kubernetes');
    await run('zstd', ['-dqf', archive, '-o', program]);
    await chmod(program, 0o755);
    await rename(program, join(cache, 'kubernetes'));
    for (const name of names) {
      await symlink('kubernetes', join(work, name));
      await rename(join(work, name), join(cache, name));
    }
    return true;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function checkSum(archive: string): Promise<void> {
  const sums = await readFile(join(packed, 'SHA256SUMS'), 'utf8');
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  if (!sums.includes(`${hash.digest('hex')}  ${basename(archive)}`)) {
    throw new Error(`${archive} is not what its SHA256SUMS says: get it again`);
  }
}

async function isReadable(path: string): Promise<boolean> {
  return await permits(path, constants.R_OK);
}

/** Whether there is a program at that path. */
export async function isExecutable(path: string): Promise<boolean> {
  return await permits(path, constants.X_OK);
}

async function permits(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false;
  }
}
