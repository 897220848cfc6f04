/** `npm run clean`: removes what building, testing and running left behind, and says what that was. */
import { existsSync, rmSync } from 'node:fs';

const stackDir = process.env['STACK_DIR'] ?? '.stack';
const leftBehind = [
  stackDir,
  '.dictionary',
  '.esbuild',
  '.layers',
  '.serverless',
  '.serverless-offline',
  'dist',
  'coverage',
];

const removed = leftBehind.filter((path) => existsSync(path));
for (const path of removed) rmSync(path, { recursive: true });
console.log(removed.length === 0 ? 'Nothing to remove.' : `Removed ${removed.join(', ')}.`);
