import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import {
  CreateFunctionUrlConfigCommand,
  DeleteFunctionEventInvokeConfigCommand,
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionEventInvokeConfigCommand,
  type FunctionUrlAuthType,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { asyncInvocations, type AsyncEnd } from '../../../localstack/embedded/async-invocations.ts';
import type { FunctionOutcome } from '../../../localstack/embedded/invoke-function.ts';
import { registered, silentLog, startWorld, type World } from './fixture.ts';

let world: World;
const DEAD = `dead-${randomUUID()}`;
const arn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const NAMES = ['sender', 'other', 'limited', 'addressed', 'guarded'];
beforeAll(async () => {
  world = await startWorld();
  world.endpoint.functions.put({
    functions: NAMES.map((name) => registered(name, name === 'sender' ? { deadLetterTargetArn: arn(DEAD) } : {})),
  });
});
afterAll(() => world.close());

const queue = async (QueueName: string): Promise<() => Promise<Record<string, unknown>>> => {
  const { QueueUrl } = await world.sqs.send(new CreateQueueCommand({ QueueName }));
  return async () => {
    const input = { QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: ['All'] };
    const { Messages: [message] = [] } = await world.sqs.send(new ReceiveMessageCommand(input));
    return { body: JSON.parse(message?.Body ?? 'null') as unknown, attributes: message?.MessageAttributes };
  };
};
const failing = (payload: string): boolean => payload.includes('"fail":true');
beforeEach(() => {
  world.host.handler = (_name, payload, _request, response) => {
    const headers = { 'content-type': 'application/json' };
    if (!failing(payload)) return response.writeHead(200, headers).end(payload);
    response.writeHead(200, { ...headers, 'x-amz-function-error': 'Unhandled' });
    return response.end(JSON.stringify({ errorMessage: 'no', errorType: 'Error', trace: ['RangeError: no'] }));
  };
});
const event = (FunctionName: string, payload: object) =>
  world.lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(payload) }));
const configure = (FunctionName: string, input: object) =>
  world.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, ...input }));

test('an event that is given up goes to its destination, and as it was to the dead-letter queue', async () => {
  const [failed, dead] = [await queue('failed'), await queue(DEAD)];
  await configure('sender', {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: arn('failed') } },
  });
  const { $metadata } = await event('sender', { fail: true });
  expect((await failed()).body).toMatchObject({
    version: '1.0',
    requestContext: {
      requestId: $metadata.requestId,
      functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:sender:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: 1,
    },
    requestPayload: { fail: true },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType: 'RangeError', errorMessage: 'no' },
  });
  expect(await dead()).toMatchObject({
    body: { fail: true },
    attributes: {
      RequestID: { StringValue: $metadata.requestId },
      ErrorCode: { StringValue: '200' },
      ErrorMessage: { StringValue: 'no' },
    },
  });
});

test('success goes to a function, and to a bus', async () => {
  const Destination = 'arn:aws:lambda:us-east-1:000000000000:function:other';
  await configure('sender', { DestinationConfig: { OnSuccess: { Destination } } });
  const onBus = { Destination: 'arn:aws:events:us-east-1:000000000000:event-bus/default' };
  await configure('other', { DestinationConfig: { OnSuccess: onBus } });
  await event('sender', { mark: 'chain' });
  const found = () =>
    (world.endpoint.bus.events('default') ?? []).filter((each) => JSON.stringify(each.detail).includes('chain'));
  for (let tries = 0; tries < 200 && found().length === 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(found()).toMatchObject([
    {
      source: 'lambda',
      'detail-type': 'Lambda Function Invocation Result - Success',
      detail: { requestContext: { condition: 'Success' }, requestPayload: { requestPayload: { mark: 'chain' } } },
    },
  ]);
});

test('the settings of events are put whole, updated in part, read and deleted', async () => {
  const FunctionName = 'limited';
  const get = () => world.lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }));
  await configure(FunctionName, { MaximumRetryAttempts: 1 });
  await world.lambda.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName, MaximumEventAgeInSeconds: 60 }));
  expect(await get()).toMatchObject({ MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60 });
  await configure(FunctionName, { MaximumEventAgeInSeconds: 61 });
  expect((await get()).MaximumRetryAttempts).toBeUndefined();
  const fifo = { DestinationConfig: { OnFailure: { Destination: arn('x.fifo') } } };
  for (const bad of [{ MaximumRetryAttempts: 3 }, { MaximumEventAgeInSeconds: 59 }, fifo])
    await expect(configure(FunctionName, bad)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  await world.lambda.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName }));
  await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('reserved concurrency is in force at once, and leaves the account a hundred', async () => {
  const reserve = (ReservedConcurrentExecutions: number) =>
    world.lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'limited', ReservedConcurrentExecutions }));
  await reserve(0);
  await expect(world.lambda.send(new InvokeCommand({ FunctionName: 'limited' }))).rejects.toMatchObject({
    name: 'TooManyRequestsException',
  });
  await reserve(900);
  const { AccountLimit } = await world.lambda.send(new GetAccountSettingsCommand({}));
  expect(AccountLimit).toMatchObject({ ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 100 });
  await expect(reserve(901)).rejects.toMatchObject({ name: 'InvalidParameterValueException' });
  const input = { FunctionName: 'limited' };
  const found = await world.lambda.send(new GetFunctionConcurrencyCommand(input));
  expect(found.ReservedConcurrentExecutions).toBe(900);
});

test('the log tail names the invocation, and why it failed', async () => {
  const Payload = '{"fail":true}';
  const answer = await world.lambda.send(new InvokeCommand({ FunctionName: 'sender', LogType: 'Tail', Payload }));
  const log = Buffer.from(answer.LogResult ?? '', 'base64').toString();
  const id = answer.$metadata.requestId ?? '';
  expect(log.split('\n')).toEqual([
    `START RequestId: ${id} Version: $LATEST`,
    'no',
    `END RequestId: ${id}`,
    expect.stringMatching(/^REPORT RequestId: .+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB$/),
    '',
  ]);
});

describe('the address of a function', () => {
  const make = async (FunctionName: string, AuthType: FunctionUrlAuthType): Promise<string> => {
    const made = await world.lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType }));
    return new URL(made.FunctionUrl ?? '').host;
  };
  const call = (host: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const { port } = world.endpoint;
      const options = { host: '127.0.0.1', port, path: '/p?q=1', headers: { host, ...headers } };
      const outgoing = request(options, (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      outgoing.on('error', reject).end();
    });

  test('hands on the request, and its answer', async () => {
    const host = await make('addressed', 'NONE');
    const { status, body } = await call(host);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ version: '2.0', rawPath: '/p', queryStringParameters: { q: '1' } });
    await expect(make('addressed', 'NONE')).rejects.toMatchObject({ name: 'ResourceConflictException' });
    expect((await call(host.replace(/^./, (first) => (first === 'a' ? 'b' : 'a')))).status).toBe(404);
  });

  test('with AWS_IAM is for signed requests only', async () => {
    const host = await make('guarded', 'AWS_IAM');
    expect((await call(host)).status).toBe(403);
    const authorization =
      'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0';
    expect((await call(host, { authorization })).status).toBe(200);
  });
});

describe('an event that waits', () => {
  const ended = (
    outcomes: readonly FunctionOutcome[],
    settings: { readonly retryCount: number; readonly maxAgeMs: number },
    takesEvents = true,
  ): Promise<AsyncEnd> =>
    new Promise((resolve) => {
      let tries = 0;
      const events = asyncInvocations({
        invoke: () => {
          tries += 1;
          return Promise.resolve(outcomes[tries - 1] ?? { status: 'unavailable' });
        },
        log: silentLog,
        settingsOf: () => settings,
        takesEvents: () => takesEvents,
        onEnd: (end) => {
          events.close();
          resolve(end);
        },
        retryDelayMs: 5,
      });
      events.accept('worker', '{}');
    });
  const failed: FunctionOutcome = { status: 'failed', errorType: 'Error', message: '', payload: '{}' };
  const throttled: FunctionOutcome = {
    status: 'throttled',
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  };

  test('is tried as often as its function says', async () => {
    expect(await ended([failed, failed], { retryCount: 1, maxAgeMs: 60_000 })).toMatchObject({
      condition: 'RetriesExhausted',
      invokeCount: 2,
    });
  });
  test('is given up when it is too old', async () => {
    expect(await ended([failed, throttled], { retryCount: 2, maxAgeMs: 30 })).toMatchObject({
      condition: 'EventAgeExceeded',
      invokeCount: 1,
    });
  });
  test('is given up at once when its function takes nothing', async () => {
    expect(await ended([throttled], { retryCount: 2, maxAgeMs: 60_000 }, false)).toMatchObject({
      condition: 'ZeroReservedConcurrency',
      invokeCount: 0,
    });
  });
});
