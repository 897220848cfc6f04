/**
 * `npm run build`: lib → dist, with types. dist gets a package.json of its own, because the package imports (`#…`) of
 * the project lead to lib/*.ts; the nearest package.json is the one that counts for Node, TypeScript and bundlers.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { runLimited, seconds, signalOfInterrupt } from './run-limited.ts';

const limitMs = 120_000;

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly imports: Record<string, string> };

rmSync('dist', { recursive: true, force: true });
const result = await runLimited({
  command: ['tsc', '--project', 'tsconfig.build.json'],
  limitMs,
  output: 'show',
  signal: signalOfInterrupt(),
});
if (result.exitCode === 0 && result.end === 'exited') {
  const imports = Object.fromEntries(
    Object.entries(manifest.imports).map(([name, path]) => [
      name,
      path.replace(/^\.\/lib\//, './').replace(/\.ts$/, '.js'),
    ]),
  );
  writeFileSync('dist/package.json', `${JSON.stringify({ type: 'module', imports }, undefined, 2)}\n`);
  console.log(`Built dist in ${seconds(result.tookMs)}.`);
} else {
  console.error(`The build failed: tsc ${result.end === 'exited' ? `ended with ${result.exitCode}` : result.end}.`);
  process.exitCode = 1;
}
