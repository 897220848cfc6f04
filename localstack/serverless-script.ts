import { createRequire } from 'node:module';
import path from 'node:path';

/** The framework's program, to be run by this Node. */
export const serverlessScript = (): string => {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  return path.join(path.dirname(manifest), 'bin', 'serverless.js');
};
