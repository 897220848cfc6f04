import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { freePort } from '../../localstack/free-port.ts';
import { allProcesses, markedProcesses, markOf } from '../../localstack/localstack/processes.ts';
import { readLocalStackSettings } from '../../localstack/localstack/settings.ts';
import { startLocalStack, type LocalStack } from '../../localstack/localstack/stack.ts';
import { isAlive, listens } from '../support/processes.ts';

/** Needs Python 3.13, a JDK and Maven, and minutes for the first install: no part of `npm test`. */
const UP_TIMEOUT_MS = 1_200_000;

const HANDLER = `
import { SQSClient } from '@aws-sdk/client-sqs';
export const handler = async (order, context) => {
  if (order.exit !== undefined) process.exit(order.exit);
  if (order.kill) process.kill(process.pid, 'SIGKILL');
  if (order.spin) for (;;);
  if (order.reject) { Promise.reject(new Error('nobody waits')); await new Promise((done) => setTimeout(done, 1000)); }
  if (order.throw) throw new RangeError('too far');
  if (order.big) return 'x'.repeat(6_300_000);
  if (order.say) { console.log('two\\nlines'); process.stdout.write('raw\\n'); }
  if (order.import) return { greeting: (await import(order.import)).greeting };
  return { pid: process.pid, sdk: typeof SQSClient, name: context.functionName, left: context.getRemainingTimeInMillis() };
};`;

const zipped = (files: Readonly<Record<string, string>>): Uint8Array => {
  const folder = mkdtempSync(path.join(tmpdir(), 'function-'));
  try {
    const zip = path.join(folder, 'function.zip');
    const script =
      'import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[1],"w") as z:\n  for n,t in json.loads(sys.argv[2]).items(): z.writestr(n,t)';
    execFileSync('python3', ['-c', script, zip, JSON.stringify(files)]);
    return readFileSync(zip);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('LocalStack without Docker', () => {
  let localStack: LocalStack;
  let lambda: LambdaClient;
  let dynamodb: DynamoDBClient;
  const functionName = `probe-${randomUUID()}`;

  const invoke = async (order: object) => {
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(order), LogType: 'Tail' }),
    );
    return {
      error: answer.FunctionError,
      payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as Record<string, unknown>,
      log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
    };
  };

  beforeAll(async () => {
    const settings = readLocalStackSettings(['up'], process.env);
    if (settings === 'help') throw new Error('unreachable');
    const port = await freePort();
    localStack = await startLocalStack({ dir: settings.dir, kind: 'host', port, env: process.env, say: console.log });
    const client = {
      endpoint: localStack.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    [lambda, dynamodb] = [new LambdaClient(client), new DynamoDBClient(client)];
    const layer = await lambda.send(
      new PublishLayerVersionCommand({
        LayerName: 'greetings',
        Content: {
          ZipFile: zipped({
            'nodejs/node_modules/greetings/package.json': '{"name":"greetings","type":"module","exports":"./main.js"}',
            'nodejs/node_modules/greetings/main.js': 'export const greeting = "hello";',
          }),
        },
      }),
    );
    await lambda.send(
      new CreateFunctionCommand({
        Layers: [layer.LayerVersionArn ?? ''],
        FunctionName: functionName,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/any',
        Timeout: 3,
        Code: { ZipFile: zipped({ 'index.mjs': HANDLER }) },
      }),
    );
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName: functionName });
  }, UP_TIMEOUT_MS);

  afterAll(async () => {
    lambda?.destroy();
    dynamodb?.destroy();
    await localStack?.stop();
  }, 60_000);

  test('a function runs on the Node of the project, finds the SDK, and its process is used again', async () => {
    const [first, second] = [await invoke({}), await invoke({})];
    expect(first.payload).toMatchObject({ sdk: 'function', name: functionName });
    expect(second.payload['pid']).toBe(first.payload['pid']);
  }, 60_000);

  test.each([
    [{ exit: 0 }, 'Runtime.ExitError', /^RequestId: [\w-]+ Error: Runtime exited without providing a reason$/],
    [{ exit: 7 }, 'Runtime.ExitError', /^RequestId: [\w-]+ Error: Runtime exited with error: exit status 7$/],
    [{ kill: true }, 'Runtime.ExitError', /^RequestId: [\w-]+ Error: Runtime exited with error: signal: killed$/],
    [{ spin: true }, 'Sandbox.Timedout', /^RequestId: [\w-]+ Error: Task timed out after 3.00 seconds$/],
    [{ reject: true }, 'Runtime.UnhandledPromiseRejection', /^Error: nobody waits$/],
    [{ throw: true }, 'RangeError', /^too far$/],
    [{ big: true }, 'Function.ResponseSizeTooLarge', /exceeded maximum allowed payload size \(6291556 bytes\)/],
    [{ import: 'sharp' }, 'Error', /Cannot find package 'sharp'/],
  ])(
    '%j fails as on Lambda, and the next invocation is well',
    async (order, errorType, message) => {
      const { error, payload } = await invoke(order);
      expect(error).toBe('Unhandled');
      expect(payload['errorType']).toBe(errorType);
      expect(payload['errorMessage']).toMatch(message);
      expect((await invoke({})).error).toBeUndefined();
    },
    60_000,
  );

  test('an ES module finds the packages of a layer', async () => {
    expect((await invoke({ import: 'greetings' })).payload).toEqual({ greeting: 'hello' });
  }, 60_000);

  test('the log tail has what the invocation wrote, between START, END and REPORT', async () => {
    const { log } = await invoke({ say: true });
    expect(log).toMatch(
      /^START RequestId: ([\w-]+) Version: \$LATEST\n\S+\t\1\tINFO\ttwo\rlines\nraw\nEND RequestId: \1\nREPORT RequestId: \1\tDuration: /,
    );
  }, 60_000);

  test('LocalStack and the tables listen on 127.0.0.1 only, and stop leaves no process and no port', async () => {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: 'any',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    const { instance } = localStack;
    const processes = markedProcesses(markOf(instance.runDir), allProcesses());
    const commands = processes.map(({ command }) => command).join('\n');
    for (const part of ['main.py', 'LoopbackDynamoDb', 'bootstrap.ts']) expect(commands).toContain(part);
    // What listens on all addresses is reached at this one too.
    for (const port of [instance.port, Number(/-port (\d+)/.exec(commands)?.[1])]) {
      expect(await listens(port)).toBe(true);
      expect(await listens(port, '127.0.0.2')).toBe(false);
    }
    await localStack.stop();
    expect(processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(await listens(instance.port)).toBe(false);
  }, 120_000);
});
