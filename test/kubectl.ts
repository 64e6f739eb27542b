import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { findProgram, isExecutable } from './kubernetes/assets.ts';

/**
 * A kubectl that works: of KUBEBUILDER_ASSETS, of the tests' cache (filled from the packed programs beside the
 * checkout if there are any), or of the PATH; undefined when there is none.
 */
export async function findKubectl(): Promise<string | undefined> {
  const { KUBEBUILDER_ASSETS: assets, PATH = '' } = process.env;
  if (assets && (await isExecutable(join(assets, 'kubectl')))) return join(assets, 'kubectl');
  const cached = await findProgram('kubectl');
  if (cached !== undefined) return cached;
  for (const folder of PATH.split(delimiter)) {
    const candidate = join(folder, 'kubectl');
    if (folder !== '' && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

/** Why there is none. */
export const NO_KUBECTL = 'no kubectl: put one into the PATH, or set KUBEBUILDER_ASSETS';

/** How a kubectl command ended. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl with one kubeconfig, and a cache and home of its own. */
export class Kubectl {
  readonly #program: string;
  readonly #env: NodeJS.ProcessEnv;

  /** @param env more of its environment: an editor */
  constructor(program: string, kubeconfig: string, env: NodeJS.ProcessEnv = {}) {
    this.#program = program;
    const { PATH } = process.env;
    this.#env = { PATH, HOME: join(tmpdir(), 'coppice-no-home'), KUBECONFIG: kubeconfig, ...env };
    this.#env.KUBECACHEDIR = `${kubeconfig}.cache`;
  }

  /** Runs a command; resolves whatever its exit code. `input` becomes its standard input. */
  run(args: readonly string[], input = ''): Promise<KubectlResult> {
    return new Promise((resolve) => {
      const child = execFile(this.#program, args, { env: this.#env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      });
      child.stdin?.end(input);
    });
  }

  /** Runs a command that must succeed; resolves with what it printed. */
  async ok(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Starts a command that goes on until it is killed, such as a watch. */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    return spawn(this.#program, args, { env: this.#env, stdio: ['ignore', 'pipe', 'ignore'] });
  }
}
