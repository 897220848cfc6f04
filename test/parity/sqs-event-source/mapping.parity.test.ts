import { createHash } from 'node:crypto';
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda';
import { eventually, startProbePlace } from '../../support/probe-place.ts';
import type { ProbePlace, Send } from '../../support/probe-place.ts';
import { numbersOf } from '../../support/probe-function.ts';

let place: ProbePlace;
beforeAll(async () => {
  place = await startProbePlace();
});
afterAll(() => place.close());

test('event: a record has every field that Lambda gives', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(queue, [
    {
      body: 'grüße',
      attributes: {
        text: { DataType: 'String', StringValue: 't' },
        bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
      },
    },
  ]);
  await place.map({ queue, name });
  await eventually('it is done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen[0]?.records).toEqual([
    {
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      receiptHandle: expect.stringMatching(/.+/u),
      body: 'grüße',
      attributes: {
        SentTimestamp: expect.stringMatching(/^\d{13}$/u),
        ApproximateReceiveCount: '1',
        SenderId: expect.stringMatching(/.+/u),
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/u),
      },
      messageAttributes: {
        text: { dataType: 'String', stringValue: 't', stringListValues: [], binaryListValues: [] },
        bytes: { dataType: 'Binary', binaryValue: 'AQI=', stringListValues: [], binaryListValues: [] },
      },
      md5OfBody: createHash('md5').update('grüße').digest('hex'),
      md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/u),
      eventSource: 'aws:sqs',
      eventSourceARN: queue.arn,
      awsRegion: 'us-east-1',
    },
  ]);
});

test('filters: what does not match is dropped and deleted', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(queue, [{ n: 1 }, { n: 2 }, { n: 3 }, { body: 'no JSON' }]);
  const Pattern = JSON.stringify({ body: { n: [{ numeric: ['>=', 2] }] } });
  await place.map({ queue, name, FilterCriteria: { Filters: [{ Pattern }] } });
  await eventually('none is left', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.flatMap(numbersOf)).toEqual([2, 3]);
});

test('validation: refuses a visibility timeout under the function timeout', async () => {
  const { name } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '0' });
  await expect(place.map({ queue, name })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: 'Queue visibility timeout: 0 seconds is less than Function timeout: 1 seconds',
  });
});

test('validation: refuses BatchSize over 10 without window, and FIFO with a window', async () => {
  const { name } = place.fn();
  const queue = await place.queue();
  await expect(place.map({ queue, name, BatchSize: 11 })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
  const fifo = await place.queue({ FifoQueue: 'true' });
  await expect(place.map({ queue: fifo, name, MaximumBatchingWindowInSeconds: 1 })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
});

test('validation: refuses a queue or a function that is not there', async () => {
  const { name } = place.fn();
  const queue = await place.queue();
  await expect(place.map({ queue: { ...queue, arn: `${queue.arn}x` }, name })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
  await expect(place.map({ queue, name: 'nobody' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('validation: refuses a dead-letter queue that is missing or of the other type', async () => {
  const redrive = (arn: string): Record<string, string> => ({
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 3 }),
  });
  const { arn } = await place.queue();
  await expect(place.queue(redrive(`${arn}x`))).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  await expect(place.queue({ FifoQueue: 'true', ...redrive(arn) })).rejects.toMatchObject({
    name: 'InvalidParameterValue',
  });
  await expect(place.queue(redrive(arn))).resolves.toMatchObject({ arn: expect.stringContaining('arn:aws:sqs:') });
});

test('validation: refuses more than ten message attributes', async () => {
  const queue = await place.queue();
  const attributes = (count: number): Send['attributes'] =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, { DataType: 'String', StringValue: 'x' }]));
  await expect(place.send(queue, [{ attributes: attributes(11) }])).rejects.toThrow('InvalidParameterValue');
  await place.send(queue, [{ attributes: attributes(10) }]);
  expect(await place.depth(queue)).toBe(1);
});

test('validation: refuses the same queue and function twice, and names the first', async () => {
  const { name } = place.fn();
  const queue = await place.queue();
  const uuid = await place.map({ queue, name });
  const again = place.lambda.send(
    new CreateEventSourceMappingCommand({ FunctionName: name, EventSourceArn: queue.arn }),
  );
  await expect(again).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: expect.stringContaining(uuid),
  });
});

test('a disabled mapping takes nothing, an enabled one again does, a deleted one is gone', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  const uuid = await place.map({ queue, name, Enabled: false });
  await place.send(queue, [{ n: 1 }]);
  const state = async (): Promise<string | undefined> =>
    (await place.lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }))).State;
  expect(await state()).toBe('Disabled');
  expect(probe.seen).toEqual([]);
  await place.change(uuid, { Enabled: true });
  await eventually('it is done', async () => (await place.depth(queue)) === 0);
  expect(await state()).toBe('Enabled');
  await place.change(uuid, { Enabled: false });
  await place.unmap(uuid);
  await expect(state()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  const { EventSourceMappings } = await place.lambda.send(new ListEventSourceMappingsCommand({ FunctionName: name }));
  expect(EventSourceMappings).toEqual([]);
});
