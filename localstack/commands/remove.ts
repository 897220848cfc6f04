import { expectEmulator } from '../deployed/aws-call.ts';
import { cloudFormation } from '../deployed/cloudformation.ts';
import { readDeploySettings } from '../deployed/deploy-settings.ts';
import { removeDeployment } from '../deployed/deployment-file.ts';
import { removeStack, stackName } from '../deployed/stack.ts';
import { openTerminal } from './terminal.ts';

const USAGE = `Usage: npm run remove:local [-- --stage STAGE]

Removes what 'npm run deploy:local' deployed, with all that it stored.

  --stage STAGE    'local' (default), or 'local-…'

Environment
  AWS_ENDPOINT_URL where the emulator is (http://127.0.0.1:4566); must be loopback unless ALLOW_REMOTE_ENDPOINT=1
  STACK_DIR        where localstack.json is (.stack)
`;

const main = async (): Promise<void> => {
  const terminal = openTerminal(process.stdout, process.env);
  const { endpoint, stage, stackDir, help } = readDeploySettings(process.argv.slice(2), process.env, USAGE);
  if (help) {
    terminal.say(USAGE);
    return;
  }
  await expectEmulator(endpoint);
  const name = stackName(stage);
  const formation = cloudFormation(endpoint);
  if ((await formation.status(name)) === undefined) terminal.say(`There is no stack ${name} at ${endpoint}.`);
  else {
    terminal.say(`Removing stack ${name} …`);
    await removeStack(endpoint, name, formation);
    terminal.say('Removed.');
  }
  await removeDeployment(stackDir, stage);
};

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
