import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { asText } from '../../localstack/plugin/resources/type.ts';
import { http } from '../support/http.ts';
import { openPlace, type Place } from '../support/place.ts';
import { packageService, unzip } from '../template/package.ts';
import { resourcesOf, type Packaged } from '../template/rules.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

let place: Place;
let folder: string;
let template: Packaged;
beforeAll(async () => {
  place = await openPlace();
  ({ folder, template } = await packageService('local'));
}, 300_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await place.close();
}, 60_000);

const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** By file of the handler: the digest of the bundle in each archive that `serverless package` makes. */
const packaged = (): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith('.zip') && file !== 'sharp.zip')
      .flatMap((file) => [...unzip(readFileSync(path.join(folder, file)))])
      .map(([file, text]) => [file, digest(text)]),
  );

/** What the function host of the embedded place has bundled for itself. */
const runningHere = (pid: number, file: string): string =>
  digest(readFileSync(path.join(ROOT, '.esbuild', String(pid), '.build', file)));

/** What the emulator gives as the code of a function. */
const deployed = async (name: string, file: string): Promise<string> => {
  const { Code } = await place.lambda.send(new GetFunctionCommand({ FunctionName: name }));
  const { pathname, search } = new URL(Code?.Location ?? '');
  const response = await fetch(`${place.info.awsEndpointUrl}${pathname}${search}`);
  return digest(unzip(Buffer.from(await response.arrayBuffer())).get(file) ?? '');
};

test('every function runs the bytes that are packaged for AWS', async () => {
  const bundles = packaged();
  const pid = await place.functionHostPid();
  // A function is bundled by the time that it answers.
  expect((await http('GET', `${place.info.apiUrl}/health`)).status).toBe(200);
  const functions = resourcesOf(template, 'AWS::Lambda::Function').map(([, { Handler, FunctionName }]) => ({
    role: asText(FunctionName ?? '').replace(/^distributed-patterns-local-/, ''),
    file: `${asText(Handler ?? '').replace(/\.handler$/, '')}.mjs`,
  }));
  expect(functions.length).toBeGreaterThan(1);
  for (const { role, file } of functions) {
    const name = place.info.functions.find((each) => each.endsWith(`-${role}`)) ?? role;
    const runs = pid === undefined ? await deployed(name, file) : runningHere(pid, file);
    expect({ name, digest: runs }).toEqual({ name, digest: bundles.get(file) });
  }
}, 120_000);
