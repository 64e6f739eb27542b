/**
 * Runs all test suites (arguments go to vitest: a file, `-t NAME`, `--project unit`), then says which tests were skipped
 * and why. The last line is always `N passed, N failed`; the exit code is 0 only if tests ran and none failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { NoKubernetesError } from '../test/kubernetes/assets.ts';
import { ensureKubernetesPrograms } from '../test/kubernetes/build.ts';
import { judge, type TestReport } from './test-report.ts';

const repository = resolve(import.meta.dirname, '..');

async function runVitest(reportFile: string, args: readonly string[]): Promise<number | null> {
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(repository, 'scripts/test-reporter.ts')}`];
  const runner = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: repository,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, COPPICE_TEST_REPORT: reportFile },
  });
  // Ctrl-C reaches vitest too, which cleans up; this process stays to say the last line.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  const [exitCode] = await once(runner, 'exit');
  return exitCode;
}

function readReport(file: string): TestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestReport;
  } catch {
    return undefined; // the runner died before it could write; the verdict says so
  }
}

/** Tests on a real Kubernetes are skipped without its programs, which says so: everything else is tested all the same. */
async function prepareKubernetes(): Promise<void> {
  try {
    await ensureKubernetesPrograms(process.env, (line) => console.log(line));
  } catch (error) {
    if (!(error instanceof NoKubernetesError)) console.error(error);
  }
}

const args = process.argv.slice(2);
// A run of selected tests may not need Kubernetes, and should not wait for its build.
if (args.length === 0) await prepareKubernetes();
const folder = mkdtempSync(join(tmpdir(), 'coppice-tests-'));
try {
  const reportFile = join(folder, 'report.json');
  const exitCode = await runVitest(reportFile, args);
  const verdict = judge(readReport(reportFile), exitCode);
  console.log(verdict.lines.join('\n'));
  process.exitCode = verdict.exitCode;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
