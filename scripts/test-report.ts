/** What one run of the test suites came to, as `test-reporter.ts` writes it. */
export interface TestReport {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Files that could not be loaded or whose process died, and errors that no test caught. */
  readonly errors: readonly string[];
}

/** The closing lines of a run, the last of them `N passed, N failed[, N skipped]`, and its exit code. */
export interface Verdict {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/**
 * Judges a run by its report and by the exit code of the test runner (null: killed by a signal). An error outside any
 * test counts as a failure; so does a runner that died, left no report, disagrees with it, or ran no test at all.
 */
export function judge(report: TestReport | undefined, runnerExitCode: number | null): Verdict {
  const errors = [...(report?.errors ?? [])];
  const passed = report?.passed ?? 0;
  const failed = report?.failed ?? [];
  const skipped = report?.skipped ?? [];
  if (report === undefined) errors.push('the test runner left no report');
  else if (passed + failed.length + errors.length === 0) errors.push('no test ran');
  if (runnerExitCode !== 0 && failed.length + errors.length === 0) {
    errors.push(`the test runner ended with ${runnerExitCode ?? 'a signal'} though no test failed`);
  }
  const failures = failed.length + errors.length;
  return {
    lines: [
      ...skipped.map(({ name, reason }) => `skipped: ${name} (${reason})`),
      ...failed.map((name) => `failed: ${name}`),
      ...errors.map((message) => `error: ${message}`),
      `${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
    ],
    exitCode: failures > 0 ? 1 : 0,
  };
}
