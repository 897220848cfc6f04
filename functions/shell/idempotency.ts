import { awsTable } from '#primitives/aws/table';
import { idempotency, type Idempotency } from '#resilience/idempotency';
import { integerVariable, shellServices, variable, type Environment, type ShellServices } from './services.ts';

const DEFAULT_IN_PROGRESS_MS = 30_000;
// A client that repeats a request a day later has lost interest in its first answer.
const KEEP_MS = 86_400_000;

/** What a pattern's HTTP function gets: the services of every function, and the table of the idempotency keys. */
export const httpServices = (env: Environment): ShellServices & { readonly idempotency: Idempotency } => {
  const services = shellServices(env);
  const { clock, random } = services;
  return {
    ...services,
    idempotency: idempotency({
      table: awsTable({ name: variable(env, 'IDEMPOTENCY_TABLE') }),
      clock,
      random,
      inProgressMs: integerVariable(env, 'IDEMPOTENCY_IN_PROGRESS_MS', DEFAULT_IN_PROGRESS_MS),
      keepMs: KEEP_MS,
    }),
  };
};
