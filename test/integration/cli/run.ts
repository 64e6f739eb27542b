import { execFile } from 'node:child_process';
import { coppiceProgram } from '../../programs.ts';

/** How a command of the command line ended. */
export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs `coppice` in a process of its own, with `kubeconfig` as KUBECONFIG; resolves whatever its exit code. */
export async function runCli(kubeconfig: string, ...args: readonly string[]): Promise<CliResult> {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, KUBECONFIG: kubeconfig };
  const program = await coppiceProgram();
  return await new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}
