import { describe, it, type TestFunction } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why the test, or every test of the suite, is skipped. */
    skipReason?: string;
  }
}

/** Why a test that needs root cannot run. */
export const notRoot = process.getuid?.() === 0 ? undefined : 'it needs root: run the tests as root';

/**
 * A suite that needs something of the machine.
 *
 * @param obstacle why it cannot run here, as the report of the run prints it; undefined when nothing is in the way
 */
export function describeUnless(obstacle: string | undefined, title: string, suite: () => void): void {
  describe(title, skippedBy(obstacle), suite);
}

/** As `describeUnless`, of a single test; its time-out in milliseconds is the project's if it is not given. */
export function itUnless(
  obstacle: string | undefined,
  title: string,
  test: TestFunction,
  timeoutMs?: number,
): void {
  it(title, { ...skippedBy(obstacle), ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) }, test);
}

/** Options that skip what has them when there is an obstacle, for `describe.each` and `it.each`. */
function skippedBy(obstacle: string | undefined): { skip: boolean; meta: { skipReason?: string } } {
  return obstacle === undefined ? { skip: false, meta: {} } : { skip: true, meta: { skipReason: obstacle } };
}
