/** How long one test file took, its hooks included. */
export interface FileTime {
  /** Path from the repository's root. */
  readonly file: string;
  /** The suite: vitest's project. */
  readonly suite: string;
  readonly seconds: number;
}

/** What one run of the test suites came to, as `test-reporter.ts` writes it. */
export interface TestReport {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Files that could not be loaded or whose process died, and errors that no test caught. */
  readonly errors: readonly string[];
  /** Every file that ran, in any order. */
  readonly times: readonly FileTime[];
}

/** The closing lines of a run, the last of them `N passed, N failed[, N skipped]`, and its exit code. */
export interface Verdict {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

const SLOWEST = 20;

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
      ...timeLines(report?.times ?? []),
      ...skipped.map(({ name, reason }) => `skipped: ${name} (${reason})`),
      ...failed.map((name) => `failed: ${name}`),
      ...errors.map((message) => `error: ${message}`),
      `${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
    ],
    exitCode: failures > 0 ? 1 : 0,
  };
}

/** The slowest files, and what each suite's files add up to. Files run side by side: a suite may end sooner than its sum. */
function timeLines(times: readonly FileTime[]): string[] {
  if (times.length === 0) return [];
  const slowest = times.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const bySuite = [...Map.groupBy(times, ({ suite }) => suite)].map(([suite, files]) => ({
    suite,
    files: files.length,
    seconds: files.reduce((sum, { seconds }) => sum + seconds, 0),
  }));
  return [
    'slowest files, in seconds:',
    ...slowest.map(({ file, suite, seconds }) => `${secondsColumn(seconds)}  ${suite}  ${file}`),
    'seconds per suite, summed over its files:',
    ...bySuite
      .toSorted((a, b) => b.seconds - a.seconds)
      .map(({ suite, files, seconds }) => `${secondsColumn(seconds)}  ${suite}  (${count(files, 'file')})`),
  ];
}

function secondsColumn(seconds: number): string {
  return seconds.toFixed(1).padStart(8);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
