import { spawn } from 'node:child_process';
import path from 'node:path';
import { expectEmulator } from '../deployed/aws-call.ts';
import { readDeploySettings } from '../deployed/deploy-settings.ts';
import { deploymentPath, readDeployment } from '../deployed/deployment-file.ts';
import { SettingsError } from '../stack-settings.ts';

const USAGE = `Usage: npm run test:local [-- --stage STAGE]

Runs the end-to-end tests that hold in every place (*.everywhere.e2e.test.ts) against what 'npm run deploy:local'
deployed. The last line is 'N passed, N failed'.

  --stage STAGE    'local' (default), or 'local-…'

Environment
  STACK_DIR        where localstack.json is (.stack)
`;

const ROOT = path.resolve(import.meta.dirname, '../..');
const TESTS = String.raw`\.everywhere\.e2e\.test\.ts$`;

const main = async (): Promise<number> => {
  const { stage, stackDir, help } = readDeploySettings(process.argv.slice(2), process.env, USAGE);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const file = deploymentPath(stackDir, stage);
  const deployment = await readDeployment(stackDir, stage);
  if (deployment === undefined) throw new SettingsError(`There is no ${file}: run 'npm run deploy:local' first.`);
  await expectEmulator(deployment.awsEndpointUrl);
  const child = spawn(process.execPath, [path.join(ROOT, 'scripts/test.ts'), TESTS], {
    cwd: ROOT,
    env: { ...process.env, STACK_FILE: file },
    stdio: 'inherit',
  });
  // The terminal's Ctrl-C reaches the tests, too; they end in their own time.
  process.on('SIGINT', () => undefined);
  process.once('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
};

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
