import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import type { ParityPlace } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually } from '../wait.ts';
import { numbersIn } from './helpers.ts';
import { remove, seenWhen, streamedTable, streamRecordsIn, type StreamedTable } from './stream-helpers.ts';

const TRIM = { StartingPosition: 'TRIM_HORIZON' as const };
const SWEEP_MS = 150_000;
const ROW_MS = 200_000;
const YEAR_S = 365 * 86_400;

const nowS = (): number => Math.floor(Date.now() / 1000);

const expiringTable = async (place: ParityPlace): Promise<StreamedTable> => {
  const table = await streamedTable(place);
  const TimeToLiveSpecification = { AttributeName: 'expires', Enabled: true };
  await place.dynamodb.send(new UpdateTimeToLiveCommand({ TableName: table.name, TimeToLiveSpecification }));
  return table;
};

const put = async (
  { dynamodb }: ParityPlace,
  table: StreamedTable,
  pk: string,
  expires: { readonly N: string } | { readonly S: string },
): Promise<void> => {
  await dynamodb.send(new PutItemCommand({ TableName: table.name, Item: { pk: { S: pk }, expires } }));
};

const isThere = async ({ dynamodb }: ParityPlace, table: StreamedTable, pk: string): Promise<boolean> => {
  const Key = { pk: { S: pk } };
  return (
    (await dynamodb.send(new GetItemCommand({ TableName: table.name, Key, ConsistentRead: true }))).Item !== undefined
  );
};

const gone = (place: ParityPlace, table: StreamedTable, pk: string): Promise<void> =>
  eventually(`${pk} is gone`, async () => !(await isThere(place, table, pk)), SWEEP_MS);

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html */
export const timeToLive: RowGroup = {
  subject: 'DynamoDB: time to live',
  rows: [
    {
      title: 'the setting is told as it was made',
      run: async (place) => {
        const table = await expiringTable(place);
        const { TimeToLiveDescription: told } = await place.dynamodb.send(
          new DescribeTimeToLiveCommand({ TableName: table.name }),
        );
        expect(told?.AttributeName).toBe('expires');
        expect(told?.TimeToLiveStatus).toMatch(/^ENABL/);
      },
    },
    {
      title: 'an item past its time goes, and its record in the stream says that DynamoDB removed it',
      timeoutMs: ROW_MS,
      run: async (place) => {
        const table = await expiringTable(place);
        await put(place, table, 'expired', { N: String(nowS() - 10) });
        await put(place, table, 'removed', { N: String(nowS() + YEAR_S) });
        await remove(place, table, 'removed');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        await gone(place, table, 'expired');
        const seen = await seenWhen(place, table, 'all its records', (all) => numbersIn(all).length >= 4);
        const removals = streamRecordsIn(seen).filter(({ eventName }) => eventName === 'REMOVE');
        const expiry = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
        const identities = removals.map(({ dynamodb, userIdentity }) => [dynamodb?.OldImage, userIdentity]);
        expect(identities).toEqual([
          [expect.objectContaining({ pk: { S: 'removed' } }), undefined],
          [expect.objectContaining({ pk: { S: 'expired' } }), expiry],
        ]);
      },
    },
    {
      title: 'an item stays whose time is still to come, is no number, or passed more than five years ago',
      timeoutMs: ROW_MS,
      run: async (place) => {
        const table = await expiringTable(place);
        await put(place, table, 'later', { N: String(nowS() + 3600) });
        await put(place, table, 'text', { S: String(nowS() - 10) });
        await put(place, table, 'ancient', { N: String(nowS() - 6 * YEAR_S) });
        await put(place, table, 'expired', { N: String(nowS() - 10) });
        await gone(place, table, 'expired');
        for (const pk of ['later', 'text', 'ancient'])
          expect([pk, await isThere(place, table, pk)]).toEqual([pk, true]);
      },
    },
    {
      title: 'an item that is renewed in time stays',
      timeoutMs: ROW_MS,
      run: async (place) => {
        const table = await expiringTable(place);
        await put(place, table, 'renewed', { N: String(nowS() + 3) });
        await put(place, table, 'left', { N: String(nowS() + 3) });
        await sleep(1_000);
        await put(place, table, 'renewed', { N: String(nowS() + 3600) });
        await gone(place, table, 'left');
        expect(await isThere(place, table, 'renewed')).toBe(true);
      },
    },
  ],
};
