import type { Reporter, Test, TestResult, AggregatedResult, TestContext } from '@jest/reporters';

/** What jest tells scripts/test.ts over the IPC channel. */
export type TestReport =
  | { readonly type: 'started' | 'ended'; readonly file: string }
  | { readonly type: 'finished'; readonly passedCount: number; readonly failedCount: number };

const report = (message: TestReport): void => {
  process.send?.(message);
};

/** Tells the process that started jest which files are running, and at the end what came out. */
export default class TestReporter implements Partial<Reporter> {
  onTestFileStart(test: Test): void {
    report({ type: 'started', file: test.path });
  }

  onTestFileResult(test: Test, _result: TestResult): void {
    report({ type: 'ended', file: test.path });
  }

  onRunComplete(_contexts: Set<TestContext>, results: AggregatedResult): void {
    report({
      type: 'finished',
      passedCount: results.numPassedTests,
      // A file that does not even load has no tests that could fail, so it counts as one.
      failedCount: results.numFailedTests + results.numRuntimeErrorTestSuites,
    });
  }
}
