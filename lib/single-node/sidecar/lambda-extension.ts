import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { crew, type Crew } from './crew.ts';
import { runHooks } from './hooks.ts';
import { registerExtension, type ExtensionApi, type ExtensionEvent } from './extension-api.ts';
import type { Invocation, Sidecar } from './sidecar.ts';
import { within } from './within.ts';

export interface LambdaExtensionOptions {
  /** The function runs beside them whatever their hooks do; when one does not start, the environment does not either. */
  readonly sidecars: readonly Sidecar[];
  /** Host and port: the value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly api: string;
  /** The file name of the executable in `/opt/extensions`. 1..128 characters. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** For all starts together. Lambda allows 10 s for everything before the first call. 1..600_000 ms. */
  readonly startMs: number;
  /** For all before-hooks of a call together; never longer than the call has left. 1..600_000 ms. */
  readonly beforeMs: number;
  /** For all stops together; never longer than Lambda leaves (2 s at most). 1..600_000 ms. */
  readonly stopMs: number;
  /** Ends the extension as a shutdown does. */
  readonly signal: AbortSignal;
}

const OPTIONS = ['sidecars', 'api', 'name', 'clock', 'log', 'startMs', 'beforeMs', 'stopMs', 'signal'];
/** So much of what Lambda leaves is kept for the call that says that we are done. */
const MARGIN_MS = 100;
/** For the calls that say something went wrong: they must not keep the process. */
const REPORT_MS = 1_000;

const ERROR_TYPES = { start: 'Extension.StartFailed', poll: 'Extension.PollFailed' };

const beside = async (team: Crew, event: ExtensionEvent & { kind: 'invoke' }, options: LambdaExtensionOptions) => {
  const { clock, beforeMs } = options;
  const remainingMs = (): number => event.deadlineAtMs - clock.nowMs();
  const invocation: Invocation = Object.freeze({ id: event.requestId, remainingMs });
  await runHooks({
    members: team.members,
    clock,
    ms: Math.min(beforeMs, remainingMs() - MARGIN_MS),
    hook: 'before',
    stopsAtRequired: false,
    call: (sidecar, signal) => sidecar.before?.(invocation, signal),
    invocation: invocation.id,
  });
};

const serve = async (api: ExtensionApi, team: Crew, options: LambdaExtensionOptions): Promise<boolean> => {
  const { clock, log, stopMs, signal } = options;
  for (;;) {
    const event = await api.next();
    if (event.kind === 'invoke') await beside(team, event, options);
    if (event.kind === 'unknown') log.warn('unknown event of the Extensions API', { eventType: event.eventType });
    if (event.kind !== 'shutdown' && !signal.aborted) continue;
    const leftMs = event.kind === 'shutdown' ? event.deadlineAtMs - clock.nowMs() - MARGIN_MS : stopMs;
    log.info('shutdown', { reason: event.kind === 'shutdown' ? event.reason : 'signal' });
    return (await team.stop(Math.min(stopMs, Math.max(0, leftMs)))).length === 0;
  }
};

/**
 * Runs sidecars as a Lambda external extension until the environment is shut down: registers, starts them, calls
 * `before` at each INVOKE (beside the function, which does not wait for it), and `stop` at SHUTDOWN. True when all went
 * well; false when a start failed (said by `init/error`), Lambda gave no next event (`exit/error`), or a stop was not
 * clean. The caller then ends the process.
 *
 * The environment is not frozen before the hooks of a call have ended, and Lambda counts their time as the function's;
 * hooks that fail or are late are logged. An extension sees neither the event nor the answer, and not when the function
 * ends: `after` is not called.
 *
 * @throws {@link InvalidArgumentError} when an option is out of range
 * @throws {@link PatternError} `sidecar/extension` when Lambda refuses to register it
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export const lambdaExtension = async (options: LambdaExtensionOptions): Promise<boolean> => {
  checkNames(options, OPTIONS);
  checkInteger('beforeMs', options.beforeMs, 1, 600_000);
  checkInteger('name.length', options.name.length, 1, 128);
  const { sidecars, clock, log, signal } = options;
  const team = crew({ ...options, required: sidecars, optional: [] });
  const api = await registerExtension({ address: options.api, name: options.name, signal });

  const tell = async (report: () => Promise<void>): Promise<void> => {
    const ended = await within(clock, REPORT_MS, report);
    if (ended.status === 'failed') log.warn('the error was not reported', { error: ended.error });
  };
  try {
    await team.start();
  } catch (error) {
    await tell(() => api.initError(ERROR_TYPES.start, error instanceof Error ? error.message : 'unknown'));
    await team.stop();
    return false;
  }
  try {
    return await serve(api, team, options);
  } catch (error) {
    if (signal.aborted) return (await team.stop()).length === 0;
    log.error('the Extensions API gave no next event', { error });
    await tell(() => api.exitError(ERROR_TYPES.poll, 'no next event'));
    await team.stop();
    return false;
  }
};
