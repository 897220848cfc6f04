#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCli } from './cli.ts';

// lib/cli and dist/cli lie equally deep in the package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

process.exitCode = runCli(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  version: manifest.version,
});
