import path from 'node:path';
import { parseArgs } from 'node:util';
import { isLocalStage } from '#primitives/local-stage';
import { readStackSettings, SettingsError } from '../stack-settings.ts';
import { STAGE } from '../stage.ts';

/** What the commands for the deployed stack were told, by flags and environment. */
export interface DeploySettings {
  /** LocalStack, or another emulator of AWS at its address. */
  readonly endpoint: string;
  readonly stage: string;
  /** Where the log and the file of the deployment go. Absolute. */
  readonly stackDir: string;
  readonly help: boolean;
}

const DEFAULT_ENDPOINT = 'http://127.0.0.1:4566';
/** It is part of names: that of a bucket takes no more. */
const STAGE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_STAGE_CHARACTERS = 20;

/** @throws {@link SettingsError} for a flag or a variable that cannot be used, and for an endpoint elsewhere. */
export const readDeploySettings = (args: readonly string[], env: NodeJS.ProcessEnv, usage: string): DeploySettings => {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { stage: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }));
  } catch (error) {
    throw new SettingsError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  const stage = values.stage ?? STAGE;
  if (!isLocalStage(stage) || !STAGE_NAME.test(stage) || stage.length > MAX_STAGE_CHARACTERS)
    throw new SettingsError(
      `Expected --stage to be 'local' or 'local-…' of a-z, 0-9 and single hyphens, at most ${MAX_STAGE_CHARACTERS} ` +
        `characters, got '${stage}'. To AWS goes 'npx serverless deploy --stage …'.`,
    );
  return Object.freeze({
    endpoint: readStackSettings([], env).upstream ?? DEFAULT_ENDPOINT,
    stage,
    stackDir: path.resolve(env['STACK_DIR'] || '.stack'),
    help: values.help === true,
  });
};
