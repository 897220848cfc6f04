import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fragmentKeys, packageService, unzip } from './package.ts';
import {
  everyBatchMayFailInPart,
  everyQueueHasDeadLetters,
  everyRouteHasAuthorizer,
  fewResources,
  keysAreUnique,
  namesAreKebabCase,
  noWildcardPermissions,
  resourcesOf,
  visibilityFitsTimeout,
  type Packaged,
} from './rules.ts';

let folder: string;
let template: Packaged;
beforeAll(async () => {
  ({ folder, template } = await packageService('prod'));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the service as it goes to AWS', () => {
  test('it has queues, functions, routes and event sources to judge', () => {
    for (const type of ['AWS::SQS::Queue', 'AWS::Lambda::Function', 'AWS::ApiGateway::Method'])
      expect(resourcesOf(template, type).length).toBeGreaterThan(1);
    expect(resourcesOf(template, 'AWS::Lambda::EventSourceMapping').length).toBeGreaterThan(1);
  });

  test('every queue has a dead-letter queue, or is one', () => expect(everyQueueHasDeadLetters(template)).toEqual([]));

  test("every queue hides a message for six times its consumer's timeout and the batching window", () =>
    expect(visibilityFitsTimeout(template)).toEqual([]));

  test('every batch may fail in part', () => expect(everyBatchMayFailInPart(template)).toEqual([]));

  test('every route asks who calls', () => expect(everyRouteHasAuthorizer(template)).toEqual([]));

  test('no permission that we write has a wildcard', () => expect(noWildcardPermissions(template)).toEqual([]));

  test('there are fewer than 400 resources', () => expect(fewResources(template)).toEqual([]));

  test('every name is <service>-<stage>-<pattern>-<role> in kebab-case', () =>
    expect(namesAreKebabCase('distributed-patterns-prod')(template)).toEqual([]));

  test('every function runs on Node 24 and has a timeout', () => {
    for (const [, { Runtime, Timeout }] of resourcesOf(template, 'AWS::Lambda::Function')) {
      expect(Runtime).toBe('nodejs24.x');
      expect(Timeout).toEqual(expect.any(Number));
    }
  });

  test('no key is in two fragments, where one would silently go into the other', () => {
    const { functions, resources } = fragmentKeys();
    expect(Object.keys(functions).length).toBeGreaterThan(1);
    expect(Object.keys(resources).length).toBeGreaterThan(1);
    expect(keysAreUnique(functions)).toEqual([]);
    expect(keysAreUnique(resources)).toEqual([]);
  });

  test('the fragments are all of the functions', () => {
    const keys = Object.values(fragmentKeys().functions).flat();
    // The leaves of scatter/gather are made by a program, as many as are asked for.
    const written = resourcesOf(template, 'AWS::Lambda::Function').filter(([id]) => !/^ScatterGatherLeaf\d+/.test(id));
    expect(keys).toHaveLength(written.length);
  });

  test('who works on images has sharp as a layer, with the binaries of Lambda; nobody else has it', () => {
    const files = unzip(readFileSync(path.join(folder, 'sharp.zip')));
    const { version } = JSON.parse(readFileSync('node_modules/sharp/package.json', 'utf8')) as { version: string };
    const inLayer = (name: string): unknown => JSON.parse(files.get(`nodejs/node_modules/${name}`) ?? '{}');
    expect(inLayer('sharp/package.json')).toMatchObject({ version });
    expect(inLayer('@img/sharp-linux-x64/package.json')).toMatchObject({ version, os: ['linux'], cpu: ['x64'] });
    expect([...files.keys()].some((name) => /linux-x64\/lib\/libvips.*\.so/.test(name))).toBe(true);
    expect([...files.keys()].filter((name) => !name.startsWith('nodejs/'))).toEqual([]);
    expect(resourcesOf(template, 'AWS::Lambda::LayerVersion')).toEqual([
      [expect.stringContaining('Sharp'), expect.objectContaining({ CompatibleArchitectures: ['x86_64'] })],
    ]);
    const withLayer = resourcesOf(template, 'AWS::Lambda::Function').flatMap(([id, { Layers }]) =>
      Layers ? [id] : [],
    );
    expect(withLayer.toSorted()).toEqual([
      'CoordinatedImagesLambdaFunction',
      'WorkQueueWorkerLambdaFunction',
      'WorkQueueWorkerOrderedLambdaFunction',
    ]);
  });

  test('a package holds one bundle of its handler, without the SDK and without sharp', () => {
    const archives = readdirSync(folder).filter((file) => file.endsWith('.zip') && file !== 'sharp.zip');
    expect(archives).toHaveLength(resourcesOf(template, 'AWS::Lambda::Function').length);
    const bundled = new Set<string>();
    for (const archive of archives) {
      const files = new Map(unzip(readFileSync(path.join(folder, archive))));
      // The legacy program beside the sidecars is no part of a bundle: it is started as it stands.
      files.delete('functions/single-node/sidecar/program.mjs');
      expect([...files.keys()]).toEqual([expect.stringMatching(/^functions\/.+\.mjs$/)]);
      const [bundle = ''] = files.values();
      expect(/^export \{[^}]*\bhandler\b/m.test(bundle)).toBe(true);
      // esbuild says above each module where it came from.
      for (const [, name = ''] of bundle.matchAll(/^\s*\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)) bundled.add(name);
    }
    expect(bundled).toContain('valibot');
    expect([...bundled].filter((name) => /^(@aws-sdk|@smithy|sharp|@img)\b/.test(name))).toEqual([]);
  });
});
