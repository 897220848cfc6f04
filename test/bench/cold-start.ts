/** What decorators and idempotency add to a function's start: kilobytes in its bundle, milliseconds until it is loaded. */
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { runLimited } from '../../scripts/run-limited.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, rounded } from './rounds.ts';

const FOLDER = import.meta.dirname;
/** Where the SDK of the benchmarks is found, as a function finds that of its runtime. */
const OUT = path.join(FOLDER, 'node_modules/.cache/cold-start');
const ROUND_COUNT = 21;
const LIMIT_MS = 20_000;
const LIB = path.join(FOLDER, '../../lib');

const EMPTY = 'empty handler';
const OURS = 'ours: decorators, idempotency, table';
const WITHOUT = 'ours, without the table';
const PEERS = 'middy 7, powertools idempotency 2.35';
const ours = (table: string): string => `
    import { authenticated, compressed, decorated, defaults, idempotent, validated } from '${LIB}/serving/functions-and-events/decorators/index.ts';
    import { idempotency } from '${LIB}/resilience/idempotency.ts';
    ${table}
    import { systemClock } from '${LIB}/primitives/system-clock.ts';
    import { systemRandom } from '${LIB}/primitives/system-random.ts';
    const [clock, random] = [systemClock(), systemRandom()];
    const keys = idempotency({ table: awsTable({ name: 'keys' }), clock, random, inProgressMs: 30_000, keepMs: 86_400_000 });
    const schema = { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } };
    export const handler = decorated()
      .with(compressed())
      .with(authenticated({ verify: () => ({ user: 'ada' }) }))
      .with(defaults({ currency: 'EUR' }))
      .with(validated(schema))
      .with(idempotent({ idempotency: keys, scope: () => 'f', key: () => 'k', request: ({ body }) => body, withoutKey: 'refuse' }))
      .handle(async () => 1);`;
const sources: Readonly<Record<string, string>> = {
  [EMPTY]: 'export const handler = async () => 1;',
  [OURS]: ours(`import { awsTable } from '${LIB}/primitives/aws/table.ts';`),
  // What others bring along as their own: what speaks to DynamoDB.
  [WITHOUT]: ours(`const never = () => new Promise(() => {});
    const awsTable = () => ({ get: never, put: never, update: never, delete: never, transact: never });`),
  [PEERS]: `
    import middy from '@middy/core';
    import { IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
    import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
    import { makeHandlerIdempotent } from '@aws-lambda-powertools/idempotency/middleware';
    export const handler = middy(async () => 1)
      .use(makeHandlerIdempotent({ persistenceStore: new DynamoDBPersistenceLayer({ tableName: 'keys' }), config: new IdempotencyConfig({}) }));`,
};
const names = Object.keys(sources);
const fileOf = (name: string): string => path.join(OUT, `${names.indexOf(name)}.mjs`);
const LOADER = path.join(OUT, 'load.mjs');

const bundle = async (name: string): Promise<number> => {
  await build({
    stdin: { contents: sources[name] ?? '', resolveDir: FOLDER, loader: 'ts' },
    outfile: fileOf(name),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // In the runtime, as for the functions of the stack.
    external: ['@aws-sdk/*'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return (await stat(fileOf(name))).size / 1_000;
};

/** Processor time of each load, too: on a busy machine it says more than the clock. */
const processorMs = new Map<string, number[]>(names.map((name) => [name, []]));

/** Milliseconds that a fresh process takes to load the handler; Node's own start is not in it. */
const load = async (name: string): Promise<number> => {
  const { exitCode, output } = await runLimited({
    command: [process.execPath, LOADER, fileOf(name)],
    cwd: OUT,
    limitMs: LIMIT_MS,
    output: 'keep',
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const [ms = Number.NaN, cpuMs = Number.NaN] = output.split(' ').map(Number);
  if (exitCode !== 0 || !Number.isFinite(ms)) throw new Error(`Loading ${name}: code ${exitCode}\n${output}`);
  processorMs.get(name)?.push(cpuMs);
  return ms;
};

export const benchmark: Benchmark = async (say) => {
  await mkdir(OUT, { recursive: true });
  try {
    await writeFile(
      LOADER,
      'const cpu = process.cpuUsage(), from = performance.now(); await import(process.argv[2]); process.stdout.write(`${performance.now() - from} ${process.cpuUsage(cpu).user / 1000}`);',
    );
    const sizes = new Map<string, number>();
    for (const name of names) sizes.set(name, await bundle(name));
    const rounds = await inRounds({
      candidates: names.map((name) => ({ name, measure: () => load(name) })),
      roundCount: ROUND_COUNT,
      say,
    });
    const empty = rounds[EMPTY] ?? [];
    const over = (name: string): number =>
      median((rounds[name] ?? []).map((value, round) => value - (empty[round] ?? Number.NaN)));
    return {
      columns: ['function', 'kB minified, without the SDK', 'ms to load', 'over an empty handler', 'processor ms'],
      rows: names.map((name) => [
        name,
        rounded(sizes.get(name) ?? Number.NaN),
        rounded(median(rounds[name] ?? [])),
        rounded(over(name)),
        rounded(median(processorMs.get(name) ?? [])),
      ]),
      goals: [
        { figure: 'kB minified, without the SDK', atMost: 20, measured: sizes.get(OURS) ?? Number.NaN },
        { figure: 'ms over an empty handler', atMost: 2, measured: over(OURS) },
      ],
      remarks: [
        'A fresh process for each; the time is that of the import alone. Ours loads the SDK with the first call of the table, the peers with the function.',
      ],
    };
  } finally {
    await rm(OUT, { recursive: true, force: true });
  }
};
