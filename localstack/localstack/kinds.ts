import { mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { HOST_SOURCES, installLocalStack, installMinistack, type InstallOptions } from './install.ts';
import { runDirOf, urlOf, type Instance } from './instance.ts';
import { launch } from './launch.ts';
import { markOf } from './processes.ts';
import { findJava, toolSources } from './tools.ts';

const PROJECT_MODULES = path.resolve(import.meta.dirname, '../../node_modules');
/** What Lambda's runtime for Node brings along; what else a function needs is in its bundle or a layer. */
const RUNTIME_SCOPES = ['@aws-sdk', '@smithy'];

/** Waits that suit tests. AWS polls all the time, and retries asynchronous invocations after one and two minutes. */
const QUICK = {
  LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.2',
  LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '0.5',
  LAMBDA_RETRY_BASE_DELAY: '1',
} as const;

export interface StartOptions extends InstallOptions {
  /** Must be free on 127.0.0.1. */
  readonly port: number;
}

/** What an emulator gets of the environment: settings of its own, and nothing of the user's account. */
const PASSED_ON =
  /^(PATH|HOME|LANG|LC_ALL|DEBUG|LS_LOG|LOG_LEVEL|SERVICES|(LAMBDA|SQS|SNS|S3|DYNAMODB|EVENTBRIDGE|PROVIDER_OVERRIDE)_.*)$/;

const passedOn = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => PASSED_ON.test(name)));

/** Above the folders that the functions are unpacked to: ministack has no other way to lend a package to `import`. */
const makeRuntimeModules = async (dir: string): Promise<string> => {
  const modules = path.join(dir, 'node_modules');
  await mkdir(modules, { recursive: true });
  for (const scope of RUNTIME_SCOPES) {
    const link = path.join(modules, scope);
    await rm(link, { force: true });
    await symlink(path.join(PROJECT_MODULES, scope), link);
  }
  return modules;
};

const launchOf = ({ dir, port, env, signal }: StartOptions) => {
  const runDir = runDirOf(dir, port);
  return {
    runDir,
    port,
    url: urlOf(port),
    env: {
      ...passedOn(env),
      TMPDIR: path.join(runDir, 'tmp'),
      XDG_CACHE_HOME: path.join(dir, 'cache'),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
    },
    ...(signal === undefined ? {} : { signal }),
  };
};

/**
 * LocalStack as processes of this machine: itself, a JVM with DynamoDB Local once a table is used, a Node process for
 * each execution environment of a function. All listen on 127.0.0.1 only.
 */
export const startHost = async (options: StartOptions): Promise<Instance> => {
  const java = await findJava(toolSources(options.env, options.signal));
  const { python, dynamoDb } = await installLocalStack(options);
  const { runDir, port, env, ...rest } = launchOf(options);
  const mark = markOf(runDir);
  return launch({
    ...rest,
    runDir,
    port,
    kind: 'host',
    command: [python, path.join(HOST_SOURCES, 'main.py'), dynamoDb, mark],
    env: {
      ...QUICK,
      PROVIDER_OVERRIDE_DYNAMODB: 'v2',
      ...env,
      FUNCTION_NODE: process.execPath,
      FUNCTION_MODULES: await makeRuntimeModules(options.dir),
      FUNCTION_INSTANCE: mark,
      DYNAMODB_JAVA: java,
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      LOCALSTACK_HOST: `localhost:${port}`,
      FILESYSTEM_ROOT: path.join(runDir, 'root'),
      OVERRIDE_IN_DOCKER: '0',
      DNS_ADDRESS: '0',
      SKIP_SSL_CERT_DOWNLOAD: '1',
      DISABLE_EVENTS: '1',
    },
  });
};

/** ministack as a process of this machine, with functions as Node processes below it. */
export const startMinistack = async (options: StartOptions): Promise<Instance> => {
  const { python } = await installMinistack(options);
  const { runDir, port, env, ...rest } = launchOf(options);
  return launch({
    ...rest,
    runDir,
    port,
    kind: 'ministack',
    command: [python, '-X', markOf(runDir), '-m', 'ministack'],
    env: {
      ...env,
      // Its default is every address.
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_HOST: '127.0.0.1',
      // It runs the first Node of the PATH.
      PATH: [path.dirname(process.execPath), options.env['PATH']].join(path.delimiter),
      NODE_PATH: await makeRuntimeModules(options.dir),
    },
  });
};
