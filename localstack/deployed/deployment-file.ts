import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writePrivately, type StackAddress } from '../stack-file.ts';

/** A stack that was deployed to an emulator of AWS, in the form of the stack file. Nobody here owns its processes. */
export interface Deployment extends StackAddress {
  readonly pid: null;
  readonly functionHostPid: null;
  readonly stage: string;
}

/** `<stackDir>/localstack.json`; with the stage in its name when that is not `local`. */
export const deploymentPath = (stackDir: string, stage: string): string =>
  path.join(stackDir, stage === 'local' ? 'localstack.json' : `localstack-${stage}.json`);

export const writeDeployment = (stackDir: string, deployment: Deployment): Promise<void> =>
  writePrivately(deploymentPath(stackDir, deployment.stage), deployment);

export const readDeployment = async (stackDir: string, stage: string): Promise<Deployment | undefined> => {
  const text = await readFile(deploymentPath(stackDir, stage), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Deployment);
};

export const removeDeployment = (stackDir: string, stage: string): Promise<void> =>
  rm(deploymentPath(stackDir, stage), { force: true });
