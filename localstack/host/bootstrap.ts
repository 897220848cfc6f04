/**
 * What runs in the process of a function: loads its handler, then takes invocations from executor.py and answers them,
 * a line of JSON each, over the socket whose descriptor is the first argument. Behaves as Lambda's own runtime for
 * Node 24 does: forms of errors, console, packages from layers, no callbacks.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
 */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

interface Invocation {
  readonly requestId: string;
  readonly arn: string;
  readonly traceId: string;
  readonly deadlineMs: number;
  /** JSON text. */
  readonly event: string;
}

type Handler = (event: unknown, context: object) => unknown;

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ANSWER_BYTES = 6_291_556;
const EXIT_OF_REJECTION = 128;
const EXIT_OF_EXCEPTION = 129;
const LEVELS = { log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', debug: 'DEBUG', trace: 'TRACE' } as const;

const env = process.env;
const socket = new Socket({ fd: Number(process.argv[2]) });
let requestId: string | undefined;

const send = (line: object, then?: () => void): void => void socket.write(`${JSON.stringify(line)}\n`, then);

class RuntimeError extends Error {
  override readonly name: string;
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

const describe = (error: unknown): string =>
  JSON.stringify(
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
      : { errorType: typeof error, errorMessage: String(error), trace: [] },
  );

/** One line a message, as in CloudWatch: with the time and the id of the invocation. */
const replaceConsole = (): void => {
  const isJson = env['AWS_LAMBDA_LOG_FORMAT'] === 'JSON';
  for (const [method, level] of Object.entries(LEVELS) as [keyof typeof LEVELS, string][])
    console[method] = (...args: unknown[]) => {
      const timestamp = new Date().toISOString();
      const message = format(...args);
      process.stdout.write(
        isJson
          ? `${JSON.stringify({ timestamp, level, requestId, message })}\n`
          : `${timestamp}\t${requestId}\t${level}\t${message.replaceAll('\n', '\r')}\n`,
      );
    };
};

/** Lambda's runtime lets `import` find the packages of NODE_PATH: those of the layers, and the SDK. */
const resolveByNodePath = (): void => {
  const roots = (env['NODE_PATH'] ?? '').split(path.delimiter).filter((root) => root !== '');
  const parents = roots.map((root) => pathToFileURL(path.join(path.dirname(root), 'x.mjs')).href);
  registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!/^[@\w]/.test(specifier)) throw error;
        for (const parentURL of parents)
          try {
            return next(specifier, { ...context, parentURL });
          } catch {
            // Perhaps in the next one.
          }
        throw error;
      }
    },
  });
};

const memberOf = (value: unknown, name: string): unknown =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

const loadHandler = async (): Promise<Handler> => {
  const given = env['_HANDLER'] ?? '';
  const { dir, base } = path.parse(given);
  const [name = '', ...members] = base.split('.');
  const stem = path.join(env['LAMBDA_TASK_ROOT'] ?? '', dir, name);
  const file = ['.js', '.mjs', '.cjs'].map((extension) => stem + extension).find((candidate) => existsSync(candidate));
  if (file === undefined) throw new RuntimeError('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`);
  const module: unknown = await import(pathToFileURL(file).href);
  const found = [module, memberOf(module, 'default')]
    .map((root) => members.reduce(memberOf, root))
    .find((member) => typeof member === 'function');
  if (found === undefined) throw new RuntimeError('Runtime.HandlerNotFound', `${given} is undefined or not exported`);
  const handler = found as Handler;
  // The third parameter would be the callback, which the runtime for Node 24 no longer passes.
  if (handler.length > 2)
    throw new RuntimeError(
      'Runtime.CallbackHandlerDeprecated',
      `${given} takes a callback, which Node 24 does not give`,
    );
  return handler;
};

const contextOf = ({ requestId: awsRequestId, arn, deadlineMs }: Invocation): object => ({
  callbackWaitsForEmptyEventLoop: true,
  functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
  functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
  memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
  logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
  logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
  invokedFunctionArn: arn,
  awsRequestId,
  getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
});

const answerOf = (value: unknown): string => {
  const body = JSON.stringify(value) ?? 'null';
  const size = Buffer.byteLength(body);
  if (size <= MAX_ANSWER_BYTES) return body;
  throw new RuntimeError(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${MAX_ANSWER_BYTES} bytes).`,
  );
};

const invoke = async (handler: Handler, invocation: Invocation): Promise<void> => {
  ({ requestId } = invocation);
  env['_X_AMZN_TRACE_ID'] = invocation.traceId;
  try {
    const body = answerOf(await handler(JSON.parse(invocation.event), contextOf(invocation)));
    send({ body, failed: false, ends: false });
  } catch (error) {
    const body = describe(error);
    console.error(`Invoke Error \t${body}`);
    send({ body, failed: true, ends: false });
  }
};

/** An error that nobody caught ends the process; the invocation that runs, or the start, fails with it. */
const fail = (error: unknown, exitCode: number): void => {
  const body = describe(error);
  console.error(body);
  const line = requestId === undefined ? { failed: body } : { body, failed: true, ends: true };
  send(line, () => process.exit(exitCode));
};

const main = async (): Promise<void> => {
  replaceConsole();
  resolveByNodePath();
  process.on('uncaughtException', (error) => fail(error, EXIT_OF_EXCEPTION));
  process.on('unhandledRejection', (reason) =>
    fail(new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason)), EXIT_OF_REJECTION),
  );
  // LocalStack has gone, also when it was killed.
  socket.on('close', () => process.exit(0));
  const handler = await loadHandler();
  createInterface({ input: socket }).on('line', (line) => void invoke(handler, JSON.parse(line) as Invocation));
  send({});
};

main().catch((error: unknown) => fail(error, 1));
