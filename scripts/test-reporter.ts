import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';
import type {} from '../test/skip.ts';
import type { FileTime, TestReport } from './test-report.ts';

/**
 * Writes the run's TestReport as JSON to the file that COPPICE_TEST_REPORT names. Vitest's own JSON reporter leaves out
 * why a test was skipped, and errors that no test caught.
 */
// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its module's default export
export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message?: string }[]): void {
    const file = process.env.COPPICE_TEST_REPORT;
    if (file === undefined) throw new Error('COPPICE_TEST_REPORT must name the file to write');
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const named = (state: string) => tests.filter((test) => test.result().state === state);
    const report: TestReport = {
      passed: named('passed').length,
      // A test still pending at the end was in a process that died.
      failed: [...named('failed'), ...named('pending')].map(fullName),
      skipped: named('skipped').map((test) => ({ name: fullName(test), reason: skipReason(test) })),
      errors: [
        ...modules.flatMap(moduleErrors),
        ...unhandledErrors.map((error) => error.message ?? String(error)),
      ],
      times: modules.map(timeOf),
    };
    writeFileSync(file, JSON.stringify(report));
  }
}

function fullName(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

/** The note of `context.skip`, else the reason of the test or of the suite that was skipped as a whole. */
function skipReason(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  for (let task: TestCase | TestSuite | TestModule = test; task.type !== 'module'; task = task.parent) {
    const { skipReason: reason } = task.meta();
    if (reason !== undefined) return reason;
  }
  return test.options.mode === 'todo' ? 'still to be written' : 'left out by the arguments of this run';
}

function timeOf(module: TestModule): FileTime {
  const { collectDuration, duration, environmentSetupDuration, prepareDuration, setupDuration } =
    module.diagnostic();
  const milliseconds =
    collectDuration + duration + environmentSetupDuration + prepareDuration + setupDuration;
  return { file: module.relativeModuleId, suite: module.project.name, seconds: milliseconds / 1000 };
}

function moduleErrors(module: TestModule): string[] {
  const suites = [module, ...module.children.allSuites()];
  const messages = suites.flatMap((suite) => suite.errors().map((error) => error.message));
  if (messages.length === 0 && (module.state() === 'pending' || module.state() === 'queued')) {
    messages.push('did not finish');
  }
  return messages.map((message) => `${module.relativeModuleId}: ${message}`);
}
