import { jsonLog } from '#primitives/json-log';
import type { Log, LogLevel } from '#primitives/log';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every function gets, whatever it does. */
export interface ShellServices {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly adminToken?: string;
  readonly adminArns: readonly string[];
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * A variable that the template gives to the function.
 *
 * @throws {@link InvalidArgumentError} when it is missing or empty
 */
export const variable = (env: Environment, name: string): string => {
  const value = env[name];
  if (value === undefined || value === '') throw new InvalidArgumentError(`Expected ${name} to be set, got nothing.`);
  return value;
};

/**
 * A variable that is an integer.
 *
 * @throws {@link InvalidArgumentError} when it is set to anything else
 */
export const integerVariable = (env: Environment, name: string, otherwise: number): number => {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError(`Expected ${name} to be an integer, got '${text}'.`);
  return Number(text);
};

/** Log, clock and chance out of the environment; once per cold start. */
export const shellServices = (env: Environment): ShellServices => {
  const { LOG_LEVEL = 'info', AWS_LAMBDA_FUNCTION_NAME, ADMIN_TOKEN, ADMIN_ARNS = '' } = env;
  const level = LEVELS.find((each) => each === LOG_LEVEL);
  if (level === undefined) {
    throw new InvalidArgumentError(`Expected LOG_LEVEL to be one of ${LEVELS.join(', ')}, got '${LOG_LEVEL}'.`);
  }
  const clock = systemClock({ offsetMs: integerVariable(env, 'CLOCK_OFFSET_MS', 0) });
  const log = jsonLog({
    clock,
    level,
    write: (line) => process.stdout.write(`${line}\n`),
    fields: AWS_LAMBDA_FUNCTION_NAME === undefined ? {} : { function: AWS_LAMBDA_FUNCTION_NAME },
  });
  return {
    log,
    clock,
    random: systemRandom(),
    ...(ADMIN_TOKEN === undefined ? {} : { adminToken: ADMIN_TOKEN }),
    adminArns: ADMIN_ARNS.split(',').filter((arn) => arn !== ''),
  };
};
