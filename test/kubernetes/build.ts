import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  findKubernetesPrograms,
  KUBERNETES_VERSION,
  keepKubernetes,
  NoKubernetesError,
  programsCache,
} from './assets.ts';

const run = promisify(execFile);

const SOURCES = fileURLToPath(new URL('./build/', import.meta.url));

/** The Go version, as [major, minor], from which Kubernetes builds. */
const OLDEST_GO = [1, 26] as const;

/** How many compiled packages lie between two lines of progress. */
const STRIDE = 100;

/**
 * Makes sure that there are Kubernetes programs to test with, where that is possible: where there are none and Go is
 * new enough, builds them into the cache (some 8 minutes on two cores, 3 GB of disk meanwhile), telling how it goes.
 */
export async function ensureKubernetesPrograms(
  env: NodeJS.ProcessEnv,
  tell: (line: string) => void,
): Promise<void> {
  try {
    await findKubernetesPrograms(env);
  } catch (error) {
    const isNamedByHand = (env.KUBEBUILDER_ASSETS ?? '') !== '';
    if (!(error instanceof NoKubernetesError) || isNamedByHand || !(await hasGo(env))) throw error;
    await build(env, tell);
  }
}

/** Whether there is a Go with which Kubernetes, and the clients of the tests, build. */
export async function hasGo(env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION'], { env });
    const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
    return major > OLDEST_GO[0] || (major === OLDEST_GO[0] && minor >= OLDEST_GO[1]);
  } catch {
    return false;
  }
}

async function build(env: NodeJS.ProcessEnv, tell: (line: string) => void): Promise<void> {
  tell(
    `Building Kubernetes ${KUBERNETES_VERSION} for the tests, once: some 8 minutes, 3 GB of disk meanwhile.`,
  );
  const work = await mkdtemp(join(tmpdir(), 'coppice-kubernetes-build-'));
  // Caches of its own, so that 3 GB that nobody needs again do not stay with the user.
  const goEnv = {
    ...env,
    GOCACHE: join(work, 'compiled'),
    GOMODCACHE: join(work, 'modules'),
    GOFLAGS: '-modcacherw -mod=readonly',
    CGO_ENABLED: '0',
  };
  try {
    const sources = join(work, 'sources');
    await cp(SOURCES, sources, { recursive: true });
    tell('  fetching its modules');
    await go(['mod', 'download'], sources, goEnv, () => undefined);
    await keepKubernetes(programsCache(env), (program) => compile(program, sources, goEnv, tell));
    tell(`  done: ${programsCache(env)}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compile(
  program: string,
  sources: string,
  env: NodeJS.ProcessEnv,
  tell: (line: string) => void,
): Promise<void> {
  const version = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    `-X ${path}.gitVersion=${KUBERNETES_VERSION}`,
    `-X ${path}.gitMajor=1`,
    `-X ${path}.gitMinor=${KUBERNETES_VERSION.split('.')[1]}`,
    `-X ${path}.gitTreeState=clean`,
  ]);
  const flags = ['-trimpath', '-v', '-ldflags', ['-s', '-w', ...version].join(' ')];
  let packages = 0;
  await go(['build', ...flags, '-o', program, '.'], sources, env, () => {
    packages += 1;
    if (packages % STRIDE === 0) tell(`  ${packages} packages compiled`);
  });
}

/** Runs Go; what it says on its standard error goes to `onLine`, and its last lines into the error when it fails. */
async function go(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Promise<void> {
  const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    onLine(line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`go ${args[0]} failed: ${tail.join('\n')}`);
}
