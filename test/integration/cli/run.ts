import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** How a command of the command line ended. */
export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs `coppice` in a process of its own, with `kubeconfig` as KUBECONFIG; resolves whatever its exit code. */
export function runCli(kubeconfig: string, ...args: readonly string[]): Promise<CliResult> {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, KUBECONFIG: kubeconfig };
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}
