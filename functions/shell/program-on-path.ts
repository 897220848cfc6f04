import { statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from './services.ts';

/** serverless-offline starts functions without PATH: then the folders where packages and Lambda layers put programs. */
const USUAL_PATH = ['/opt/bin', '/usr/local/bin', '/usr/bin', '/bin', '/opt/homebrew/bin'].join(delimiter);

/** Where programs of this machine are. */
export const pathOf = (env: Environment): string => env['PATH'] ?? USUAL_PATH;

/** A program of the machine, by the first folder of PATH that has it. */
export const programOnPath = (env: Environment, name: string): string | undefined =>
  pathOf(env)
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
