import { describe, expect, it } from 'vitest';
import { judge, type TestReport } from './test-report.ts';

const report = (overrides: Partial<TestReport> = {}): TestReport => ({
  passed: 3,
  failed: [],
  skipped: [],
  errors: [],
  times: [],
  ...overrides,
});

describe('judge', () => {
  it('is content when every test passed', () => {
    expect(judge(report(), 0)).toEqual({ lines: ['3 passed, 0 failed'], exitCode: 0 });
  });

  it('names skipped tests with their reason, and does not fail for them', () => {
    expect(judge(report({ skipped: [{ name: 'a > b', reason: 'no KVM' }] }), 0)).toEqual({
      lines: ['skipped: a > b (no KVM)', '3 passed, 0 failed, 1 skipped'],
      exitCode: 0,
    });
  });

  it('counts errors outside tests as failures', () => {
    expect(judge(report({ failed: ['a > c'], errors: ['x.test.ts: cannot load'] }), 1)).toEqual({
      lines: ['failed: a > c', 'error: x.test.ts: cannot load', '3 passed, 2 failed'],
      exitCode: 1,
    });
  });

  it('prints the twenty slowest files and the seconds per suite before anything else', () => {
    const files = Array.from({ length: 21 }, (_, index) => ({
      file: `src/${index}.test.ts`,
      suite: 'unit',
      seconds: index / 10,
    }));
    const one = { file: 'test/e2e/demo.test.ts', suite: 'e2e', seconds: 123.456 };
    const { lines } = judge(
      report({ times: [...files, one], skipped: [{ name: 'a > b', reason: 'no KVM' }] }),
      0,
    );
    expect(lines.slice(0, 3)).toEqual([
      'slowest files, in seconds:',
      '   123.5  e2e  test/e2e/demo.test.ts',
      '     2.0  unit  src/20.test.ts',
    ]);
    expect(lines.slice(20)).toEqual([
      '     0.2  unit  src/2.test.ts',
      'seconds per suite, summed over its files:',
      '   123.5  e2e  (1 file)',
      '    21.0  unit  (21 files)',
      'skipped: a > b (no KVM)',
      '3 passed, 0 failed, 1 skipped',
    ]);
  });

  it.each([
    ['no report', undefined, 0, 'the test runner left no report', '0 passed, 1 failed'],
    ['no test', report({ passed: 0 }), 0, 'no test ran', '0 passed, 1 failed'],
    [
      'a bad exit code',
      report(),
      2,
      'the test runner ended with 2 though no test failed',
      '3 passed, 1 failed',
    ],
    [
      'a signal',
      report(),
      null,
      'the test runner ended with a signal though no test failed',
      '3 passed, 1 failed',
    ],
  ])('fails a run with %s', (_, given, exitCode, error, last) => {
    expect(judge(given, exitCode)).toEqual({ lines: [`error: ${error}`, last], exitCode: 1 });
  });
});
