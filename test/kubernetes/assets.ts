import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, chmod, constants, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The release that tests run against: that of build/go.mod, and of the packed programs. */
export const KUBERNETES_VERSION = 'v1.36.3';

/** What a control plane needs at least. */
const NEEDED = ['etcd', 'kube-apiserver'] as const;

/** What the one program of Kubernetes is, by the name under which it is called. */
const KUBERNETES = [
  ...NEEDED,
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;

/** Packed programs beside the checkout, as the developers' machines have them. */
const packed = fileURLToPath(new URL('../../../shared/k8s/bin/', import.meta.url));

const HOW_TO_GET_THEM =
  'no Kubernetes programs: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver (setup-envtest makes one), or install Go 1.26 or newer, with which `npm test` builds them once';

/** Thrown where there are no programs; the message says how to get them. */
export class NoKubernetesError extends Error {}

/** Where Kubernetes' programs are kept for the tests; XDG_CACHE_HOME is respected. */
export function programsCache(env: NodeJS.ProcessEnv): string {
  const caches = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(caches, 'coppice', `kubernetes-${KUBERNETES_VERSION}`);
}

/**
 * The folder with Kubernetes' programs: that of KUBEBUILDER_ASSETS, as envtest's users name it, or the user's cache,
 * filled from the packed programs beside the checkout where there are any. Rejects with a NoKubernetesError.
 */
export async function findKubernetesPrograms(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = env.KUBEBUILDER_ASSETS ?? '';
  if (folder !== '') {
    for (const program of NEEDED) {
      if (await isExecutable(join(folder, program))) continue;
      throw new NoKubernetesError(`${HOW_TO_GET_THEM}; ${folder} has no ${program}`);
    }
    return folder;
  }
  for (const program of NEEDED) {
    if ((await findProgram(program, env)) === undefined) throw new NoKubernetesError(HOW_TO_GET_THEM);
  }
  return programsCache(env);
}

type Programs = { readonly folder: string } | { readonly missing: string };

/** The folder of Kubernetes' programs, or how to get them; in CI it throws instead of the latter. */
export async function lookForKubernetes(env: NodeJS.ProcessEnv = process.env): Promise<Programs> {
  try {
    return { folder: await findKubernetesPrograms(env) };
  } catch (error) {
    // In CI a suite that silently tests nothing would be worse than one that fails.
    if (env.CI || !(error instanceof NoKubernetesError)) throw error;
    return { missing: error.message };
  }
}

/** The path of a program in the tests' cache, unpacked now if need be; undefined when there is none. */
export async function findProgram(
  name: (typeof KUBERNETES)[number],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const program = join(programsCache(env), name);
  return (await isExecutable(program)) || (await unpack(programsCache(env))) ? program : undefined;
}

/**
 * The path of a program that is no part of Kubernetes: beside Kubernetes' own programs, else in the tests' cache, unpacked
 * now if need be, else what the machine has; undefined when there is none.
 */
export async function findCompanion(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const cache = programsCache(env);
  const cached = join(cache, name);
  for (const path of [join(env.KUBEBUILDER_ASSETS || cache, name), cached]) {
    if (await isExecutable(path)) return path;
  }
  if (!(await isPacked(name))) return await findInPath(name, env);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'new-'));
  try {
    await unpackProgram(name, join(work, name));
    await chmod(join(work, name), 0o755);
    await rename(join(work, name), cached);
    return cached;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The path of a program that the machine has. */
export async function findInPath(
  name: string,
  { PATH = '' }: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  for (const folder of [...PATH.split(delimiter), '/usr/sbin', '/sbin']) {
    const path = join(folder, name);
    if (folder !== '' && (await isExecutable(path))) return path;
  }
  return undefined;
}

/** The file with Flux's kinds: `flux-crds.yaml` in KUBEBUILDER_ASSETS or the cache, or beside the packed programs. */
export async function findFluxKinds(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const beside = fileURLToPath(new URL('../../../shared/k8s/flux/crds.yaml', import.meta.url));
  const folders = [...(env.KUBEBUILDER_ASSETS ? [env.KUBEBUILDER_ASSETS] : []), programsCache(env)];
  for (const path of [...folders.map((folder) => join(folder, 'flux-crds.yaml')), beside]) {
    if (await permits(path, constants.R_OK)) return path;
  }
  return undefined;
}

async function unpack(cache: string): Promise<boolean> {
  if (!(await isPacked('kubernetes'))) return false;
  await keepKubernetes(cache, (program) => unpackProgram('kubernetes', program));
  return true;
}

/** Whether the program is among the packed ones beside the checkout. */
async function isPacked(name: string): Promise<boolean> {
  return await permits(join(packed, `${name}.zst`), constants.R_OK);
}

/** Unpacks one of them, checked, to the path `program`. */
async function unpackProgram(name: string, program: string): Promise<void> {
  const archive = join(packed, `${name}.zst`);
  await checkSum(archive, `${name}.zst`);
  await run('zstd', ['-dqf', archive, '-o', program]);
}

/**
 * Puts the one program of Kubernetes, with all its names, into the cache. `make` writes it to the path it is given,
 * in a folder of its own: renamed from there, so that two runs at once do not meet half a file.
 */
export async function keepKubernetes(cache: string, make: (program: string) => Promise<void>): Promise<void> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'new-'));
  try {
    const program = join(work, 'kubernetes');
    await make(program);
    await chmod(program, 0o755);
    await rename(program, join(cache, 'kubernetes'));
    for (const name of KUBERNETES) {
      await symlink('kubernetes', join(work, name));
      await rename(join(work, name), join(cache, name));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function checkSum(archive: string, name: string): Promise<void> {
  const sums = await readFile(join(packed, 'SHA256SUMS'), 'utf8');
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  if (!sums.includes(`${hash.digest('hex')}  ${name}`)) {
    throw new Error(`${archive} is not what its SHA256SUMS says: get it again`);
  }
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
