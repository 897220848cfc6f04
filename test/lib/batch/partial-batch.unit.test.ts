import { messagesOf, partialBatch } from '#batch/partial-batch';

const messages = (...ids: string[]) => ids.map((id) => ({ id }));
const grouped = (...ids: string[]) => ids.map((id) => ({ id, groupId: id.charAt(0) }));
const failing = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

test('names exactly the messages that failed, in their order', async () => {
  const answer = await partialBatch(messages('a', 'b', 'c', 'd'), async ({ id }) => {
    if (id === 'd' || id === 'b') throw new Error(id);
  });
  expect(answer).toEqual(failing('b', 'd'));
});

test('an early failure does not hide what the others come to', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended: string[] = [];
  const running = partialBatch(messages('early', 'late', 'later'), async ({ id }) => {
    if (id === 'early') throw new Error('at once');
    await promise;
    ended.push(id);
    if (id === 'later') throw new Error('in the end');
  });
  resolve();
  expect(await running).toEqual(failing('early', 'later'));
  expect(ended).toEqual(['late', 'later']);
});

test('a handler that is not async, or throws at once, is a handler like any other', async () => {
  const answer = await partialBatch(messages('a', 'b'), ({ id }) => {
    if (id === 'a') throw new Error('thrown, not rejected');
    return undefined;
  });
  expect(answer).toEqual(failing('a'));
});

test('a failed group stops itself only, and what it has not handled is reported with it', async () => {
  const handled: string[] = [];
  const answer = await partialBatch(grouped('a1', 'b1', 'a2', 'b2', 'a3'), async ({ id }) => {
    handled.push(id);
    if (id === 'a2') throw new Error(id);
  });
  expect(answer).toEqual(failing('a2', 'a3'));
  expect(handled.toSorted()).toEqual(['a1', 'a2', 'b1', 'b2']);
});

test('a group that failed in one batch is handled in the next', async () => {
  await partialBatch(grouped('a1'), () => Promise.reject(new Error('a1')));
  expect(await partialBatch(grouped('a1', 'a2'), () => undefined)).toEqual(failing());
});

test('no more messages run at a time than was said, and a group runs one after the other', async () => {
  const running = new Set<string>();
  let most = 0;
  await partialBatch(
    [...messages('1', '2', '3', '4', '5'), ...grouped('g1', 'g2')],
    async ({ id }) => {
      running.add(id);
      most = Math.max(most, running.size);
      expect(running.has('g1') && running.has('g2')).toBe(false);
      await Promise.resolve();
      await Promise.resolve();
      running.delete(id);
    },
    { concurrency: 3 },
  );
  expect(most).toBe(3);
});

test('the errors are shown to whoever wants to log them', async () => {
  const seen: unknown[] = [];
  const error = new Error('a');
  await partialBatch(messages('a'), () => Promise.reject(error), {
    onFailure: ({ id }, cause) => seen.push([id, cause]),
  });
  expect(seen).toEqual([['a', error]]);
});

test('an empty batch is a success, a concurrency below 1 an error', async () => {
  expect(await partialBatch([], () => undefined)).toEqual(failing());
  await expect(partialBatch([], () => undefined, { concurrency: 0 })).rejects.toThrow("Expected 'concurrency'");
});

test('the records of an SQS event are deliveries as the port has them', () => {
  const record = {
    messageId: 'id',
    receiptHandle: 'receipt',
    body: 'text',
    attributes: { ApproximateReceiveCount: '3', SentTimestamp: '1700000000000', MessageGroupId: 'g' },
    messageAttributes: { traceparent: { stringValue: '00-a', dataType: 'String' }, bytes: { dataType: 'Binary' } },
  };
  expect(messagesOf({ Records: [record] })).toEqual([
    {
      id: 'id',
      receipt: 'receipt',
      body: 'text',
      attributes: { traceparent: '00-a' },
      receiveCount: 3,
      sentAtMs: 1_700_000_000_000,
      groupId: 'g',
    },
  ]);
});
