/**
 * `npm test`: the checks of `npm run verify`, then every test. `npm test -- <arguments of jest>` runs only the tests
 * that the arguments choose. The last line is always `N passed, N failed`; a check counts as a test.
 */
import { relative } from 'node:path';
import { runLimited, seconds, signalOfInterrupt } from './run-limited.ts';
import type { TestReport } from './test-reporter.ts';
import { checks, verify } from './verify-checks.ts';
import type { Verdict } from './verify-checks.ts';

/** For all tests together: they take some forty minutes on two cores that have nothing else to do. */
const testLimitMs = 63 * 60_000;
/** Time between jest's summary and its end. More means that a test left something open. */
const exitLimitMs = 10_000;

/** What needs more than npm, and minutes for its installation, runs only when it is asked for by `--selectProjects`. */
const APART = ['--ignoreProjects', 'localstack'];

const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'].join(' ');

const runTests = async (jestArguments: readonly string[], signal: AbortSignal): Promise<Verdict> => {
  const running = new Set<string>();
  let verdict: Verdict | undefined;
  const lingering = new AbortController();
  let lingerTimer: NodeJS.Timeout | undefined;
  const onMessage = (message: unknown): void => {
    const report = message as TestReport;
    if (report.type === 'started') running.add(relative(process.cwd(), report.file));
    if (report.type === 'ended') running.delete(relative(process.cwd(), report.file));
    if (report.type === 'finished') {
      verdict = report;
      lingerTimer = setTimeout(() => lingering.abort(), exitLimitMs);
    }
  };

  const result = await runLimited({
    command: ['jest', ...jestArguments, ...(jestArguments.includes('--selectProjects') ? [] : APART)],
    limitMs: testLimitMs,
    env: { ...process.env, NODE_OPTIONS: [process.env['NODE_OPTIONS'], nodeOptions].filter(Boolean).join(' ') },
    output: 'show',
    onMessage,
    signal: AbortSignal.any([signal, lingering.signal]),
  });
  clearTimeout(lingerTimer);

  const passedCount = verdict?.passedCount ?? 0;
  const failedCount = verdict?.failedCount ?? 0;
  const fail = (why: string): Verdict => {
    console.error(why);
    return { passedCount, failedCount: failedCount + 1 };
  };
  if (lingering.signal.aborted) {
    return fail(
      `jest did not end within ${seconds(exitLimitMs)} of its summary: a test left a port, timer or process.`,
    );
  }
  if (result.end === 'time limit') {
    return fail(`The tests did not end within ${seconds(testLimitMs)}. Running: ${[...running].join(', ') || 'none'}.`);
  }
  if (result.end !== 'exited') return fail(`The tests were ended: ${result.end}.`);
  // Also where jest says so without a failed test: no test found, an unknown option, an uncaught error.
  if (result.exitCode !== 0 && failedCount === 0) return fail(`jest ended with code ${result.exitCode}.`);
  return { passedCount, failedCount };
};

const main = async (jestArguments: readonly string[]): Promise<void> => {
  const signal = signalOfInterrupt();
  const checked =
    jestArguments.length === 0
      ? await verify({ checks, print: console.log, signal })
      : { passedCount: 0, failedCount: 0 };
  const tested = await runTests(jestArguments, signal);
  const failedCount = checked.failedCount + tested.failedCount;
  process.exitCode = failedCount === 0 ? 0 : 1;
  console.log(`${checked.passedCount + tested.passedCount} passed, ${failedCount} failed`);
};

await main(process.argv.slice(2));
