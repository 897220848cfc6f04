import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import {
  AddPermissionCommand,
  CreateFunctionUrlConfigCommand,
  GetPolicyCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  RemovePermissionCommand,
  type FunctionUrlAuthType,
  type InvokeCommandInput,
} from '@aws-sdk/client-lambda';
import type { ParityPlace, ParityQueue } from '../place.ts';
import type { RowGroup } from '../row.ts';
import type { ProbeOrder } from '../service/orders.ts';
import { eventually, holdsFor } from '../wait.ts';

const MIB = 1_048_576;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/;

const invoke = async (place: ParityPlace, key: string, order: ProbeOrder, more: Partial<InvokeCommandInput> = {}) => {
  const input = { FunctionName: place.fn(key).name, Payload: JSON.stringify(order), ...more };
  const answer = await place.lambda.send(new InvokeCommand(input));
  const text = answer.Payload?.transformToString() ?? '';
  return { ...answer, result: (text === '' ? undefined : JSON.parse(text)) as unknown };
};

/** Waits for a thread or a sandbox that is up: a cold start can outlast a timeout where starting counts. */
const warmed = (place: ParityPlace, key: string): Promise<void> =>
  eventually(`${key} has started`, async () => {
    const { FunctionError } = await invoke(place, key, { key: 'warm-up' });
    return FunctionError === undefined;
  });

/** The first answer that is not a cold start's timeout. */
const answerOf = async (place: ParityPlace, order: ProbeOrder): ReturnType<typeof invoke> => {
  let answer = await invoke(place, 'probe', order);
  await eventually('the function is up', async () => {
    const { errorType } = (answer.result ?? {}) as { readonly errorType?: unknown };
    if (errorType !== 'Sandbox.Timedout') return true;
    answer = await invoke(place, 'probe', order);
    return false;
  });
  return answer;
};

const seenTimes = async (place: ParityPlace, key: string): Promise<number> => (await place.sightings(key)).length;

interface InvocationRecord {
  readonly requestContext: { readonly requestId: string };
}

const recordOf = async (place: ParityPlace, queue: ParityQueue): Promise<InvocationRecord> => {
  let body = '';
  await eventually('a record comes', async () => {
    const [message] = await place.take(queue);
    body = message?.Body ?? '';
    return body !== '';
  });
  return JSON.parse(body) as InvocationRecord;
};

/** A new address of a function; what was there before goes. */
const urlOf = async (place: ParityPlace, key: string, AuthType: FunctionUrlAuthType): Promise<string> => {
  const FunctionName = place.fn(key).name;
  await place.lambda.send(new DeleteFunctionUrlConfigCommand({ FunctionName })).catch(() => undefined);
  const { FunctionUrl = '' } = await place.lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType }));
  if (AuthType === 'NONE')
    for (const Action of ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'])
      await place.lambda.send(
        new AddPermissionCommand({ FunctionName, Action, Principal: '*', StatementId: `parity-${randomUUID()}` }),
      );
  return FunctionUrl;
};

interface Fetched {
  readonly status: number;
  readonly type: string;
  readonly cookies: readonly string[];
  readonly text: string;
}

/** Not every resolver knows that `*.localhost` is this machine. */
const fetched = (
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<Fetched> =>
  new Promise((resolve, reject) => {
    const { protocol, hostname, port, host } = new URL(url);
    const target = hostname.endsWith('.localhost') ? '127.0.0.1' : hostname;
    const send = protocol === 'https:' ? secureRequest : request;
    const method = body === '' ? 'GET' : 'POST';
    const outgoing = send({ host: target, port, path, method, headers: { ...headers, host } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const { 'content-type': type = '', 'set-cookie': cookies = [] } = answer.headers;
        resolve({ status: answer.statusCode ?? 0, type, cookies, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const bodyWith = (order: ProbeOrder): string => JSON.stringify({ key: randomUUID(), ...order });

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
export const lambdaInvoke: RowGroup = {
  subject: 'Lambda',
  rows: [
    {
      title: 'an invocation answers what the function returned, and the version that ran',
      run: async (place) => {
        const answer = await answerOf(place, { key: randomUUID(), then: 'answer', answer: { a: [1, null] } });
        expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST', result: { a: [1, null] } });
        expect(answer.FunctionError).toBeUndefined();
      },
    },
    {
      title: 'an error of the function is Unhandled, with its type, message and trace',
      run: async (place) => {
        const answer = await answerOf(place, { key: randomUUID(), then: 'fail' });
        expect(answer).toMatchObject({
          StatusCode: 200,
          FunctionError: 'Unhandled',
          result: { errorType: 'TypeError', errorMessage: 'as the order says' },
        });
        const { trace } = answer.result as { readonly trace?: readonly string[] };
        expect(trace?.[0]).toBe('TypeError: as the order says');
      },
    },
    {
      title: 'an invocation that runs into the timeout ends as Sandbox.Timedout',
      run: async (place) => {
        const answer = await invoke(place, 'probe', { key: randomUUID(), then: 'hang' });
        expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
        expect(answer.result).toMatchObject({ errorType: 'Sandbox.Timedout' });
        const { errorMessage } = answer.result as { readonly errorMessage: string };
        expect(errorMessage).toMatch(/^RequestId: [\da-f-]{36} Error: Task timed out after 3\.00 seconds$/);
      },
    },
    {
      title: 'the log tail holds START, END and REPORT of the invocation',
      run: async (place) => {
        const { LogResult = '', $metadata } = await invoke(place, 'probe', { key: randomUUID() }, { LogType: 'Tail' });
        const log = Buffer.from(LogResult, 'base64').toString();
        const id = $metadata.requestId ?? '';
        expect(id).toMatch(UUID);
        expect(log).toContain(`START RequestId: ${id} Version: $LATEST`);
        expect(log).toContain(`END RequestId: ${id}`);
        expect(log).toMatch(/REPORT RequestId: [\da-f-]{36}\s+Duration: [\d.]+ ms\s+Billed Duration: \d+ ms/);
      },
    },
    {
      title: 'DryRun answers 204 and calls nothing',
      run: async (place) => {
        const key = randomUUID();
        expect(await invoke(place, 'probe', { key }, { InvocationType: 'DryRun' })).toMatchObject({ StatusCode: 204 });
        await holdsFor('nothing is called', 1_000, async () => (await seenTimes(place, key)) === 0);
      },
    },
    {
      title: 'an Event is accepted with 202 and runs',
      run: async (place) => {
        await warmed(place, 'probe');
        const key = randomUUID();
        expect(await invoke(place, 'probe', { key }, { InvocationType: 'Event' })).toMatchObject({ StatusCode: 202 });
        await eventually('it runs', async () => (await seenTimes(place, key)) === 1);
      },
    },
    {
      title: 'payloads over 6 MB, events over 1 MB and what is no JSON are refused',
      run: async (place) => {
        const FunctionName = place.fn('probe').name;
        const send = (Payload: string, InvocationType: 'Event' | 'RequestResponse') =>
          place.lambda.send(new InvokeCommand({ FunctionName, Payload, InvocationType }));
        const large = (bytes: number): string => JSON.stringify('x'.repeat(bytes));
        const refused = { name: 'RequestTooLargeException', $metadata: { httpStatusCode: 413 } };
        await expect(send(large(6 * MIB + 1), 'RequestResponse')).rejects.toMatchObject(refused);
        await expect(send(large(MIB + 1), 'Event')).rejects.toMatchObject(refused);
        await expect(send('{', 'RequestResponse')).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
      },
    },
    {
      title: 'a function or a version that is not there is ResourceNotFoundException',
      run: async (place) => {
        const missing = { name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 404 } };
        const FunctionName = `parity-${randomUUID()}`;
        await expect(place.lambda.send(new InvokeCommand({ FunctionName }))).rejects.toMatchObject(missing);
        await expect(invoke(place, 'probe', {}, { Qualifier: '99' })).rejects.toMatchObject(missing);
      },
    },
    {
      title: 'a function with reserved concurrency 0 is throttled with 429 and the reason',
      run: async (place) => {
        const FunctionName = place.fn('probeConcurrency').name;
        await place.lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
        await expect(invoke(place, 'probeConcurrency', {})).rejects.toMatchObject({
          name: 'TooManyRequestsException',
          Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
          $metadata: { httpStatusCode: 429 },
        });
        await place.lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
        await eventually('it runs again', () =>
          invoke(place, 'probeConcurrency', { key: randomUUID() }).then(
            () => true,
            () => false,
          ),
        );
      },
    },
    {
      title: 'a failed event goes to OnFailure with RetriesExhausted and what the function answered',
      run: async (place) => {
        const queue = await place.queue({ VisibilityTimeout: '60' });
        const { name: FunctionName, arn } = place.fn('probeFailure');
        await warmed(place, 'probeFailure');
        const DestinationConfig = { OnFailure: { Destination: queue.arn } };
        await place.lambda.send(
          new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 0, DestinationConfig }),
        );
        const order = { key: randomUUID(), then: 'fail' as const };
        const { $metadata } = await invoke(place, 'probeFailure', order, { InvocationType: 'Event' });
        const record = await recordOf(place, queue);
        expect(record).toMatchObject({
          version: '1.0',
          requestContext: {
            requestId: $metadata.requestId,
            functionArn: `${arn}:$LATEST`,
            condition: 'RetriesExhausted',
            approximateInvokeCount: 1,
          },
          requestPayload: order,
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
          responsePayload: { errorType: 'TypeError', errorMessage: 'as the order says' },
        });
      },
    },
    {
      title: 'a successful event goes to OnSuccess',
      run: async (place) => {
        const queue = await place.queue({ VisibilityTimeout: '60' });
        const FunctionName = place.fn('probeSuccess').name;
        await warmed(place, 'probeSuccess');
        const DestinationConfig = { OnSuccess: { Destination: queue.arn } };
        await place.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, DestinationConfig }));
        const order = { key: randomUUID(), n: 5 };
        await invoke(place, 'probeSuccess', order, { InvocationType: 'Event' });
        const record = await recordOf(place, queue);
        expect(record).toMatchObject({
          requestContext: { condition: 'Success', approximateInvokeCount: 1 },
          requestPayload: order,
          responseContext: { statusCode: 200, executedVersion: '$LATEST' },
          responsePayload: { ok: true, n: 5 },
        });
        expect(record).not.toHaveProperty('responseContext.functionError');
      },
    },
    {
      title: 'an event whose function fails once is tried again, and then is done',
      timeoutMs: 150_000,
      run: async (place) => {
        const FunctionName = place.fn('probeRetry').name;
        await warmed(place, 'probeRetry');
        await place.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 1 }));
        const order = { key: randomUUID(), n: 1, then: 'fail' as const, times: 1 };
        await invoke(place, 'probeRetry', order, { InvocationType: 'Event' });
        await eventually('it is tried again', async () => (await seenTimes(place, order.key)) === 2, 120_000);
      },
    },
    {
      title: 'the settings of events have their limits, and are read back',
      run: async (place) => {
        const FunctionName = place.fn('probeConcurrency').name;
        const set = (input: { MaximumRetryAttempts?: number; MaximumEventAgeInSeconds?: number }) =>
          place.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, ...input }));
        await expect(set({ MaximumRetryAttempts: 3 })).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
        await expect(set({ MaximumEventAgeInSeconds: 59 })).rejects.toMatchObject({
          $metadata: { httpStatusCode: 400 },
        });
        await set({ MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60 });
        expect(await place.lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }))).toMatchObject({
          FunctionArn: `${place.fn('probeConcurrency').arn}:$LATEST`,
          MaximumRetryAttempts: 1,
          MaximumEventAgeInSeconds: 60,
        });
      },
    },
    {
      title: 'permissions of a function are added, shown and removed',
      run: async (place) => {
        const FunctionName = place.fn('probe').name;
        const StatementId = `parity-${randomUUID()}`;
        const Action = 'lambda:InvokeFunction';
        const SourceArn = 'arn:aws:s3:::some-bucket';
        const permission = { FunctionName, StatementId, Action, Principal: 's3.amazonaws.com', SourceArn };
        await place.lambda.send(new AddPermissionCommand(permission));
        const { Policy = '' } = await place.lambda.send(new GetPolicyCommand({ FunctionName }));
        const { Statement } = JSON.parse(Policy) as { readonly Statement: readonly { readonly Sid: string }[] };
        expect(Statement.find(({ Sid }) => Sid === StatementId)).toMatchObject({
          Effect: 'Allow',
          Principal: { Service: 's3.amazonaws.com' },
          Condition: { ArnLike: { 'AWS:SourceArn': SourceArn } },
        });
        await expect(place.lambda.send(new AddPermissionCommand(permission))).rejects.toMatchObject({
          name: 'ResourceConflictException',
        });
        await place.lambda.send(new RemovePermissionCommand({ FunctionName, StatementId }));
      },
    },
    {
      title: 'the address of a function hands it the request in format 2.0, and answers JSON',
      run: async (place) => {
        const url = await urlOf(place, 'probeUrl', 'NONE');
        await warmed(place, 'probeUrl');
        const order = { key: randomUUID(), n: 3 };
        const headers = { 'content-type': 'application/json', cookie: 'a=1; b=2' };
        const { status, type, text } = await fetched(url, '/some/path?x=1&x=2&y=z', headers, JSON.stringify(order));
        expect([status, type, JSON.parse(text)]).toEqual([200, 'application/json', { ok: true, n: 3 }]);
        const [seen] = await place.sightings(order.key);
        expect(seen?.event).toMatchObject({
          version: '2.0',
          routeKey: '$default',
          rawPath: '/some/path',
          rawQueryString: 'x=1&x=2&y=z',
          cookies: ['a=1', 'b=2'],
          headers: { 'content-type': 'application/json' },
          queryStringParameters: { x: '1,2', y: 'z' },
          requestContext: { http: { method: 'POST', path: '/some/path' }, stage: '$default' },
          body: JSON.stringify(order),
          isBase64Encoded: false,
        });
        const spoken = {
          statusCode: 201,
          headers: { 'content-type': 'text/plain' },
          cookies: ['c=3'],
          body: Buffer.from('hi').toString('base64'),
          isBase64Encoded: true,
        };
        const answer = await fetched(url, '/', headers, bodyWith({ then: 'answer', answer: spoken }));
        expect(answer).toMatchObject({ status: 201, cookies: ['c=3'], text: 'hi' });
        expect(answer.type).toMatch(/^text\/plain/);
        expect((await fetched(url, '/', headers, bodyWith({ then: 'fail' }))).status).toBe(502);
      },
    },
    {
      title: 'an address with AWS_IAM refuses an unsigned request',
      run: async (place) => {
        const url = await urlOf(place, 'probeUrlIam', 'AWS_IAM');
        expect((await fetched(url, '/')).status).toBe(403);
      },
    },
  ],
};
