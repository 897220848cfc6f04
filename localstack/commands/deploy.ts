import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { expectEmulator } from '../deployed/aws-call.ts';
import { cloudFormation, type CloudFormation } from '../deployed/cloudformation.ts';
import { readDeploySettings, type DeploySettings } from '../deployed/deploy-settings.ts';
import { deploymentPath, readDeployment, writeDeployment, type Deployment } from '../deployed/deployment-file.ts';
import { removeLogGroups } from '../deployed/leftovers.ts';
import { runServerless } from '../deployed/run-serverless.ts';
import { describeDeployment, removeStack, stackName } from '../deployed/stack.ts';
import { useDummyCredentials } from '../plugin/account.ts';
import { SettingsError } from '../stack-settings.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const USAGE = `Usage: npm run deploy:local [-- --stage STAGE]

Deploys the service by CloudFormation to LocalStack, or another emulator of AWS, on this machine; again after a change.
Addresses, queue URLs and the admin token are then in STACK_DIR/localstack.json.

  --stage STAGE    'local' (default), or 'local-…' for a second one beside it

Environment
  AWS_ENDPOINT_URL where the emulator is (http://127.0.0.1:4566); must be loopback unless ALLOW_REMOTE_ENDPOINT=1
  STACK_DIR        where the log and localstack.json go (.stack)
`;

/** A first deployment takes half a minute on two cores. */
const LIMIT_MS = 300_000;
const SHOW_EVERY = 20;

/** The framework says each resource that is done; all other lines that it prints when asked for details are noise. */
const RESOURCE_DONE = /^\s*(?:CREATE|UPDATE|DELETE)_COMPLETE - AWS::/;
const WORTH_SHOWING = /^(?:✔|✖|Error|Warning)|Deployment skipped|_FAILED - /;

const progressOf = (terminal: Terminal): ((line: string) => void) => {
  let done = 0;
  return (line) => {
    if (WORTH_SHOWING.test(line)) terminal.say(line.trim());
    if (!RESOURCE_DONE.test(line)) return;
    done += 1;
    if (done % SHOW_EVERY === 0) terminal.say(`  ${done} resources done`);
  };
};

/** What the last deployment was given goes on being valid: nothing changes when nothing was changed. */
const adminTokenOf = async ({ stackDir, stage, endpoint }: DeploySettings): Promise<string> => {
  const last = await readDeployment(stackDir, stage).catch(() => undefined);
  return last?.awsEndpointUrl === endpoint ? last.adminToken : randomBytes(24).toString('base64url');
};

const logGroupsOf = async (packageDir: string): Promise<readonly string[]> => {
  const file = path.join(packageDir, 'cloudformation-template-update-stack.json');
  const template = JSON.parse(await readFile(file, 'utf8')) as {
    readonly Resources: Readonly<Record<string, { readonly Properties?: { readonly LogGroupName?: unknown } }>>;
  };
  return Object.values(template.Resources).flatMap(({ Properties }) =>
    typeof Properties?.LogGroupName === 'string' ? [Properties.LogGroupName] : [],
  );
};

/** A stack whose creation failed can only be removed; what such a one left behind would fail the next creation. */
const clearTheWay = async (
  settings: DeploySettings,
  formation: CloudFormation,
  packageDir: string,
  terminal: Terminal,
): Promise<void> => {
  const { endpoint, stage } = settings;
  const status = await formation.status(stackName(stage));
  if (status?.endsWith('_IN_PROGRESS'))
    throw new SettingsError(
      `Stack ${stackName(stage)} is ${status}: another deployment is under way. Try again later.`,
    );
  if (status !== undefined && /^(?:CREATE_FAILED|ROLLBACK_|DELETE_FAILED)/.test(status)) {
    terminal.say(`Stack ${stackName(stage)} is ${status}: removing what is left of it …`);
    await removeStack(endpoint, stackName(stage), formation);
  }
  if ((await formation.status(stackName(stage))) === undefined)
    await removeLogGroups(endpoint, await logGroupsOf(packageDir));
};

const deploy = async (settings: DeploySettings, terminal: Terminal, log: WriteStream): Promise<Deployment> => {
  const { endpoint, stage, stackDir } = settings;
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort());
  const adminToken = await adminTokenOf(settings);
  const env: NodeJS.ProcessEnv = { ...process.env, AWS_ENDPOINT_URL: endpoint, ADMIN_TOKEN: adminToken };
  // The ambassador may speak to the functions of its own stack.
  env['AMBASSADOR_LOCAL_TARGETS'] = [env['AMBASSADOR_LOCAL_TARGETS'], new URL(endpoint).host].filter(Boolean).join(',');
  delete env['NODE_OPTIONS'];
  useDummyCredentials(env);
  const formation = cloudFormation(endpoint);
  const packageDir = path.join(stackDir, `package-${stage}-${process.pid}`);
  const run = (...args: readonly string[]): Promise<void> =>
    runServerless({
      args: [...args, '--stage', stage, '--package', packageDir],
      env,
      limitMs: LIMIT_MS,
      log,
      onLine: progressOf(terminal),
      signal: interrupted.signal,
    });
  try {
    terminal.say('Bundling and packaging …');
    await run('package');
    await clearTheWay(settings, formation, packageDir, terminal);
    terminal.say(`Deploying stack ${stackName(stage)} to ${endpoint} …`);
    await run('deploy', '--verbose');
  } finally {
    await rm(packageDir, { recursive: true, force: true });
  }
  const resources = await formation.resources(stackName(stage));
  const deployment = describeDeployment({ endpoint, stage, adminToken, resources });
  await writeDeployment(stackDir, deployment);
  return deployment;
};

const main = async (): Promise<void> => {
  const terminal = openTerminal(process.stdout, process.env);
  const settings = readDeploySettings(process.argv.slice(2), process.env, USAGE);
  if (settings.help) {
    terminal.say(USAGE);
    return;
  }
  await expectEmulator(settings.endpoint);
  const startedMs = performance.now();
  await mkdir(settings.stackDir, { recursive: true });
  const logFile = path.join(settings.stackDir, `deploy-${settings.stage}.log`);
  const log = createWriteStream(logFile, { flags: 'w', mode: 0o600 });
  try {
    const deployment = await deploy(settings, terminal, log);
    const file = path.relative('.', deploymentPath(settings.stackDir, settings.stage));
    terminal.say(`Deployed after ${((performance.now() - startedMs) / 1000).toFixed(1)} s. Log: ${logFile}`);
    terminal.table([
      ['functions', deployment.apiUrl],
      ['AWS endpoint', deployment.awsEndpointUrl],
      ['all addresses', file],
    ]);
  } finally {
    await new Promise<void>((resolve) => log.end(resolve));
  }
};

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
