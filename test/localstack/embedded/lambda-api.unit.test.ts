import {
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListFunctionsCommand,
  type InvocationType,
} from '@aws-sdk/client-lambda';
import { asyncInvocations } from '../../../localstack/embedded/async-invocations.ts';
import type { FunctionOutcome } from '../../../localstack/embedded/invoke-function.ts';
import { registered, silentLog, startWorld, type World } from './fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  world.endpoint.functions.put({
    functions: [
      registered('worker', { timeoutS: 3, memoryMb: 256, environment: { A: '1' } }),
      registered('narrow', { reservedConcurrency: 1 }),
    ],
  });
});
afterAll(async () => {
  await world.close();
});
const echo = () => world.host.handler;
let usual: ReturnType<typeof echo>;
beforeEach(() => {
  usual = world.host.handler;
});
afterEach(() => {
  world.host.handler = usual;
  world.hostUp = true;
});

const invoke = async (FunctionName: string, Payload = '{}', type: InvocationType = 'RequestResponse') => {
  const answer = await world.lambda.send(new InvokeCommand({ FunctionName, Payload, InvocationType: type }));
  return { status: answer.StatusCode, error: answer.FunctionError, payload: answer.Payload?.transformToString() };
};
const answering = (status: number, body: string, headers: Record<string, string> = {}): void => {
  world.host.handler = (_name, _payload, _request, response) => response.writeHead(status, headers).end(body);
};
const unhandled = (errorMessage: string, trace: string[]): void =>
  answering(200, JSON.stringify({ errorMessage, errorType: 'Error', trace }), {
    'content-type': 'application/json',
    'x-amz-function-error': 'Unhandled',
  });

test.each([
  'worker',
  'worker:$LATEST',
  '000000000000:function:worker',
  'arn:aws:lambda:us-east-1:000000000000:function:worker',
  'arn:aws:lambda:us-east-1:000000000000:function:worker:7',
])('a function is called by %p', async (reference) => {
  expect(await invoke(reference, '{"n":1}')).toEqual({ status: 200, error: undefined, payload: '{"n":1}' });
});

test('what it answers arrives as JSON, also where the host’s answer is none', async () => {
  answering(200, '');
  expect((await invoke('worker')).payload).toBe('null');
  answering(200, '"say "hi"\n"', { 'content-type': 'text/html' });
  expect(JSON.parse((await invoke('worker')).payload ?? '')).toBe('say "hi"\n');
});

test('an error that it threw is a function error with its own type', async () => {
  unhandled('x is not a function', ['TypeError: x is not a function', '    at y']);
  const { status, error, payload } = await invoke('worker');
  expect([status, error]).toEqual([200, 'Unhandled']);
  expect(JSON.parse(payload ?? '')).toMatchObject({ errorType: 'TypeError', errorMessage: 'x is not a function' });
});

test('a timeout has AWS’s shape', async () => {
  unhandled('[504] - Lambda timeout.', ['Error: [504] - Lambda timeout.']);
  const { error, payload } = await invoke('worker');
  expect(error).toBe('Unhandled');
  expect(JSON.parse(payload ?? '')).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: expect.stringMatching(
      /^RequestId: [\da-f-]{36} Error: Task timed out after 3\.00 seconds$/,
    ) as string,
  });
});

test('a host that dies in the midst is a function error', async () => {
  world.host.handler = (_name, _payload, request) => request.socket.destroy();
  const { error, payload } = await invoke('worker');
  expect([error, (JSON.parse(payload ?? '') as { errorType: string }).errorType]).toEqual([
    'Unhandled',
    'Runtime.ExitError',
  ]);
});

test('too large an answer is a function error', async () => {
  answering(200, JSON.stringify('x'.repeat(6_291_556)), { 'content-type': 'application/json' });
  expect((JSON.parse((await invoke('worker')).payload ?? '') as { errorType: string }).errorType).toBe(
    'Function.ResponseSizeTooLarge',
  );
});

test('without a host it is a service error', async () => {
  world.hostUp = false;
  await expect(invoke('worker')).rejects.toMatchObject({
    name: 'ServiceException',
    $metadata: { httpStatusCode: 500 },
  });
});

test('an unknown function is not found, whoever asks', async () => {
  await expect(invoke('nobody')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await expect(world.lambda.send(new GetFunctionCommand({ FunctionName: 'nobody' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
  expect(await world.endpoint.invoke('nobody', '{}')).toMatchObject({ status: 'failed' });
});

test('reserved concurrency throttles, with the reason, and ends with the call', async () => {
  const held = Promise.withResolvers<() => void>();
  world.host.handler = (_name, _payload, _request, response) => held.resolve(() => void response.end('{}'));
  const first = invoke('narrow');
  const release = await held.promise;
  await expect(invoke('narrow')).rejects.toMatchObject({
    name: 'TooManyRequestsException',
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    $metadata: { httpStatusCode: 429 },
  });
  expect(await world.endpoint.invoke('narrow', '{}')).toMatchObject({ status: 'throttled' });
  release();
  await first;
  world.host.handler = usual;
  expect((await invoke('narrow')).status).toBe(200);
});

test('payloads have the limits of Lambda', async () => {
  const large = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));
  const refused = { name: 'RequestTooLargeException', $metadata: { httpStatusCode: 413 } };
  await expect(invoke('worker', large(6_291_457))).rejects.toMatchObject(refused);
  expect((await invoke('worker', large(6_291_456))).status).toBe(200);
  await expect(invoke('worker', large(1_048_577), 'Event')).rejects.toMatchObject(refused);
});

test('a payload that is no JSON is refused', async () => {
  await expect(invoke('worker', '{')).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
});

test('DryRun calls nothing; Event is accepted and runs', async () => {
  const before = world.host.invoked.length;
  expect((await invoke('worker', '{}', 'DryRun')).status).toBe(204);
  expect(world.host.invoked).toHaveLength(before);
  const ran = Promise.withResolvers<string>();
  world.host.handler = (_name, payload, _request, response) => {
    response.end('{}');
    ran.resolve(payload);
  };
  expect((await invoke('worker', '{"event":1}', 'Event')).status).toBe(202);
  expect(await ran.promise).toBe('{"event":1}');
});

test('functions are described and listed', async () => {
  const { Configuration } = await world.lambda.send(new GetFunctionCommand({ FunctionName: 'worker' }));
  expect(Configuration).toMatchObject({
    FunctionName: 'worker',
    FunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:worker',
    Timeout: 3,
    MemorySize: 256,
    Environment: { Variables: { A: '1' } },
  });
  const { Concurrency } = await world.lambda.send(new GetFunctionCommand({ FunctionName: 'narrow' }));
  expect(Concurrency).toEqual({ ReservedConcurrentExecutions: 1 });
  const configuration = await world.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: 'worker' }));
  expect(configuration.Timeout).toBe(3);
  const page = await world.lambda.send(new ListFunctionsCommand({ MaxItems: 1 }));
  expect(page.Functions?.map(({ FunctionName }) => FunctionName)).toEqual(['narrow']);
  const next = await world.lambda.send(new ListFunctionsCommand({ Marker: page.NextMarker }));
  expect(next.Functions?.map(({ FunctionName }) => FunctionName)).toEqual(['worker']);
});

describe('an event', () => {
  const quietEvents = {
    settingsOf: () => ({ retryCount: 2, maxAgeMs: 60_000 }),
    takesEvents: () => true,
    onEnd: () => {},
  };
  const failed: FunctionOutcome = { status: 'failed', errorType: 'Error', message: '', payload: '{}' };
  const run = async (outcomes: FunctionOutcome[]): Promise<number> => {
    let tries = 0;
    const over = Promise.withResolvers<void>();
    const events = asyncInvocations({
      invoke: () => {
        const outcome = outcomes[tries];
        tries += 1;
        if (tries === outcomes.length) setTimeout(over.resolve, 20);
        return Promise.resolve(outcome ?? failed);
      },
      log: silentLog,
      retryDelayMs: 1,
      ...quietEvents,
    });
    events.accept('worker', '{}');
    await over.promise;
    events.close();
    return tries;
  };
  test('whose function fails is tried three times, no more', async () => {
    expect(await run([failed, failed, failed])).toBe(3);
  });
  test('that succeeded is not tried again', async () => {
    expect(await run([failed, { status: 'answered', payload: '{}' }])).toBe(2);
  });
  test('is not taken after the close', () => {
    const events = asyncInvocations({ invoke: () => Promise.resolve(failed), log: silentLog, ...quietEvents });
    events.close();
    expect(events.accept('worker', '{}')).toBe(false);
  });
});
