import { GetItemCommand, PutItemCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import type { StreamRecord } from '#event-sources/stream-event';
import { memoryClock } from '#primitives/memory/clock';
import type { JsonObject } from '../../../localstack/embedded/call.ts';
import { ttlSweep } from '../../../localstack/embedded/ttl-sweep.ts';
import { eventually } from '../../parity/wait.ts';
import { quietLog } from '../../support/probe-log.ts';
import { recordsOf, startStreamWorld, type StreamWorld } from '../../support/stream-world.ts';

const YEAR_S = 365 * 86_400;

describe('on the tables', () => {
  let it: StreamWorld;
  beforeAll(async () => {
    it = await startStreamWorld({ ttlSweepMs: 100 });
  });
  afterAll(() => it.close());

  const expiringTable = async (): Promise<{ readonly name: string; readonly streamArn: string }> => {
    const table = await it.table();
    const TimeToLiveSpecification = { AttributeName: 'expires', Enabled: true };
    await it.dynamodb.send(new UpdateTimeToLiveCommand({ TableName: table.name, TimeToLiveSpecification }));
    return table;
  };
  const nowS = (): number => Math.floor(Date.now() / 1000);
  const isThere = async (TableName: string, pk: string): Promise<boolean> =>
    (await it.dynamodb.send(new GetItemCommand({ TableName, Key: { pk: { S: pk } } }))).Item !== undefined;

  test('items past their time go, each with a record that says who removed it; those of clients say nothing', async () => {
    const { name, streamArn } = await expiringTable();
    const records: StreamRecord[] = [];
    it.map(streamArn);
    it.start({
      invoke: async (_, payload) => {
        records.push(...recordsOf(payload));
        return { status: 'answered', payload: 'null' };
      },
    });
    await it.put(name, 'by a client');
    await it.remove(name, 'by a client');
    const keys = Array.from({ length: 60 }, (_, index) => `item-${index}`);
    for (const pk of keys) await it.put(name, pk, { expires: { N: String(nowS() - 5) } });
    const removals = (): readonly StreamRecord[] => records.filter(({ eventName }) => eventName === 'REMOVE');
    await eventually('all are gone', () => removals().length === 61);
    const identities = removals().map(({ dynamodb, userIdentity }) => [
      (dynamodb.Keys['pk'] as { readonly S: string }).S.startsWith('item-'),
      userIdentity,
    ]);
    expect(new Set(identities.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['[false,null]', '[true,{"type":"Service","principalId":"dynamodb.amazonaws.com"}]']),
    );
  });

  test('items stay whose time is to come, is no number, or passed more than five years ago', async () => {
    const { name } = await expiringTable();
    await it.put(name, 'later', { expires: { N: String(nowS() + 3600) } });
    await it.put(name, 'text', { expires: { S: String(nowS() - 5) } });
    await it.put(name, 'ancient', { expires: { N: String(nowS() - 6 * YEAR_S) } });
    await it.put(name, 'expired', { expires: { N: String(nowS() - 5) } });
    await eventually('the expired one is gone', async () => !(await isThere(name, 'expired')));
    for (const pk of ['later', 'text', 'ancient']) expect([pk, await isThere(name, pk)]).toEqual([pk, true]);
  });

  test('a table without the setting is left alone', async () => {
    const [plain, swept] = [await it.table(), await expiringTable()];
    for (const { name } of [plain, swept]) {
      const Item = { pk: { S: 'x' }, expires: { N: String(nowS() - 5) } };
      await it.dynamodb.send(new PutItemCommand({ TableName: name, Item }));
    }
    await eventually('the other is swept', async () => !(await isThere(swept.name, 'x')));
    expect(await isThere(plain.name, 'x')).toBe(true);
  });
});

test('an item that is renewed between the look and the removal stays', async () => {
  const clock = memoryClock({ startMs: 1_800_000_000_000 });
  const removed: JsonObject[] = [];
  const answers: Readonly<Record<string, JsonObject>> = {
    ListTables: { TableNames: ['items'] },
    DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'expires' } },
    DescribeTable: { Table: { KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] } },
    Scan: { Items: [{ pk: { S: 'a' } }] },
  };
  const sweep = ttlSweep({
    call: async (operation, input) => {
      if (operation !== 'DeleteItem') return answers[operation] ?? {};
      removed.push(input);
      throw new Error('DeleteItem: {"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}');
    },
    intervalMs: 1000,
    clock,
    log: { ...quietLog, warn: (message) => expect(message).toBe('never') },
  });
  await clock.advance(1500);
  await sweep.close();
  expect(removed).toEqual([
    {
      TableName: 'items',
      Key: { pk: { S: 'a' } },
      ConditionExpression: '#ttl <= :now AND #ttl > :oldest',
      ExpressionAttributeNames: { '#ttl': 'expires' },
      ExpressionAttributeValues: { ':now': { N: '1800000001' }, ':oldest': { N: String(1_800_000_001 - 5 * YEAR_S) } },
    },
  ]);
});
