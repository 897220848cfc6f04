import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { serverlessScript } from '../../localstack/serverless-script.ts';
import { http, until } from '../support/http.ts';
import { compile, installPacked, packInto, readJson, run, strictOptions, writeJson } from '../support/packed.ts';

// Inside the project, as the examples are: one of them has its plugin from two folders above.
const folder = mkdtempSync(join(process.cwd(), '.stack-examples-'));
const findTheBug = join(folder, 'find-the-bug');
const boxOffice = join(folder, 'box-office');

const START_MS = 90_000;
const STOP_MS = 30_000;

/** An example as a user has it, with the packed package installed, and checked by the strictest compiler. */
const setUp = async (consumer: string, name: string, tarball: string): Promise<void> => {
  await installPacked(consumer, tarball);
  cpSync(join('examples', name), consumer, { recursive: true, filter: (from) => !from.includes('node_modules') });
  const compilerOptions = { ...strictOptions, allowImportingTsExtensions: true, noEmit: true };
  // The plugin is not the package's: it comes from the project, and is checked there.
  writeJson(join(consumer, 'tsconfig.json'), { compilerOptions, exclude: ['stack-plugin.ts'] });
  await compile(consumer);
};

beforeAll(async () => {
  const tarball = await packInto(folder);
  await setUp(findTheBug, 'find-the-bug', tarball);
  await setUp(boxOffice, 'box-office', tarball);
}, 300_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
}

test('the examples install the package by the name under which npm pack leaves it, and say which Node they need', () => {
  const { name, version, engines } = readJson<Manifest>('package.json');
  for (const example of ['find-the-bug', 'box-office']) {
    const own = readJson<Manifest>(`examples/${example}/package.json`);
    expect(own.dependencies[name]).toBe(`file:../../${name}-${version}.tgz`);
    expect(own.engines).toEqual(engines);
  }
});

test('a bug planted in twenty lines is found with one fault, and the mended lines hold against all of them', async () => {
  const output = await run(findTheBug, process.execPath, 'find.ts');
  expect(output).toMatch(
    /^vouchers: 2 times: order-\d\nSeed 1, faults: [a-z-]+ at call \d+, [\w. ]+\nReplay: \{.*\}\n/,
  );
  expect(output).toMatch(/\nmended: held in \d\d+ runs over \d+ writes, and in 1000 seeds with \d{3,} faults\n$/);
}, 150_000);

describe('a service of its own, of three patterns', () => {
  let url = '';
  let output = '';
  let stop: () => Promise<unknown> = async () => undefined;

  beforeAll(async () => {
    const { NODE_OPTIONS: _, AWS_ENDPOINT_URL: __, ...env } = process.env;
    const child = spawn(process.execPath, [serverlessScript(), 'offline', 'start'], {
      cwd: boxOffice,
      env: { ...env, PORT: '0', AWS_PORT: '0', LAMBDA_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const exited = once(child, 'exit');
    stop = async () => {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    };
    const ready = () => Promise.resolve(/Server ready: (\S+)/.exec(output)?.[1]);
    const found = await until(ready, (address) => address !== undefined || child.exitCode !== null, START_MS);
    if (found === undefined) throw new Error(`It ended before it was ready:\n${output}`);
    url = found;
  }, START_MS + 10_000);

  afterAll(() => stop(), STOP_MS + 10_000);

  const post = (path: string, body: object) => http('POST', `${url}/shows/hamlet/seats${path}`, { body });

  test('a seat is held by one, sold once, printed once; the count of the sold follows', async () => {
    const held = await post('/a1/hold', { buyer: 'ann' });
    expect(held.status).toBe(200);
    const { fencingToken } = held.json as { fencingToken: number };
    expect(await post('/a1/hold', { buyer: 'bob' })).toMatchObject({ status: 409, json: { type: 'held' } });
    const late = await post('/a1/sale', { buyer: 'bob', fencingToken: fencingToken - 1 });
    expect(late).toMatchObject({ status: 409, json: { type: 'too-late' } });
    const sale = { buyer: 'ann', fencingToken };
    const answers = await Promise.all([post('/a1/sale', sale), post('/a1/sale', sale)]);
    expect(answers.map(({ status, json }) => [status, json])).toEqual([
      [202, { ticket: 'hamlet.a1' }],
      [202, { ticket: 'hamlet.a1' }],
    ]);
    const ticket = () => http('GET', `${url}/tickets/hamlet.a1`);
    expect((await until(ticket, ({ status }) => status !== 404, 30_000)).json).toMatchObject({ buyer: 'ann' });
    const show = () => http('GET', `${url}/shows/hamlet`);
    await until(show, ({ json }) => (json as { sold?: number }).sold === 1, 30_000);
  }, 90_000);

  test('a name with a dot is refused: two seats would have one ticket, x of y.z and x.y of z', async () => {
    const [token, message] = [{ buyer: 'ann', fencingToken: 1 }, ['Expected 1 to 64 of A-Z a-z 0-9 _ -.']];
    const requests = [
      ['show', await http('GET', `${url}/shows/x.y`)],
      ['show', await http('POST', `${url}/shows/x.y/seats/z/hold`, { body: { buyer: 'ann' } })],
      ['seat', await http('POST', `${url}/shows/x/seats/y.z/sale`, { body: token })],
    ] as const;
    for (const [field, answer] of requests)
      expect(answer).toMatchObject({ status: 400, json: { errors: { [field]: message } } });
  }, 60_000);

  test('of many who want one seat, one gets it', async () => {
    const buyers = Array.from({ length: 8 }, (_, n) => `buyer-${n}`);
    // So that as many instances are there: one that starts too slowly answers 504 although the seat is held.
    await Promise.all(buyers.map(() => http('GET', `${url}/shows/hamlet`)));
    const answers = await Promise.all(buyers.map((buyer) => post('/b7/hold', { buyer })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(409)]);
  }, 60_000);
});
