import type { CreateTableCommandInput, DynamoDBClient, TableDescription } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '#primitives/table';
import { StackError } from '../errors.ts';
import { isList, isObject, type JsonObject, parseJson } from '../template.ts';
import { errorName, isTrue, optionalText, sameJson, type ResourceType, type Wanted } from './type.ts';

const ACTIVE_TRIES = 100;
const ACTIVE_DELAY_MS = 100;

/** What a table is made with and keeps. */
const FIXED = ['AttributeDefinitions', 'KeySchema', 'GlobalSecondaryIndexes', 'LocalSecondaryIndexes'];

const describe = async (client: DynamoDBClient, name: string): Promise<TableDescription | undefined> => {
  const { DescribeTableCommand } = await import('@aws-sdk/client-dynamodb');
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table;
  } catch (error) {
    if (errorName(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
};

const whenActive = async (client: DynamoDBClient, name: string): Promise<TableDescription> => {
  for (let tries = 0; tries < ACTIVE_TRIES; tries += 1) {
    const table = await describe(client, name);
    if (table?.TableStatus === 'ACTIVE') return table;
    await sleep(ACTIVE_DELAY_MS);
  }
  throw new StackError(`Table '${name}' was not active within ${(ACTIVE_TRIES * ACTIVE_DELAY_MS) / 1000} s.`);
};

const streamOf = (properties: JsonObject): JsonObject => {
  const stream = properties['StreamSpecification'];
  return isObject(stream) ? { StreamEnabled: true, ...stream } : { StreamEnabled: false };
};

/**
 * The properties are those of the API, less what is spelled otherwise. The API judges their values: it knows them
 * better than a second check here would.
 */
const createInput = (name: string, properties: JsonObject): CreateTableCommandInput => {
  const same = Object.entries(properties).filter(([key]) =>
    ['BillingMode', 'ProvisionedThroughput', ...FIXED].includes(key),
  );
  const input: JsonObject = {
    TableName: name,
    StreamSpecification: streamOf(properties),
    ...Object.fromEntries(same),
  };
  return input as CreateTableCommandInput & JsonObject;
};

const byName = (items: Json): Json =>
  isList(items) ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;

/** The parts of an index that the template states; the description adds counts and states. */
const indexCore = (indexes: Json): Json =>
  byName(
    (isList(indexes) ? indexes : []).map((index: Json) =>
      isObject(index)
        ? {
            IndexName: index['IndexName'] ?? '',
            KeySchema: index['KeySchema'] ?? [],
            Projection: index['Projection'] ?? {},
          }
        : index,
    ),
  );

const fixedPart = (name: string, value: Json): Json =>
  name.endsWith('Indexes') ? indexCore(value) : name === 'AttributeDefinitions' ? byName(value) : value;

const checkUnchanged = ({ where, properties }: Wanted, table: TableDescription): void => {
  const stated = parseJson(JSON.stringify(table));
  const existing = isObject(stated) ? stated : {};
  const changed = FIXED.filter(
    (name) => !sameJson(fixedPart(name, properties[name] ?? []), fixedPart(name, existing[name] ?? [])),
  );
  if (changed.length === 0) return;
  throw new StackError(
    `${where}: '${changed.join("', '")}' of table '${table.TableName}' differs from the table that is there, and cannot be ` +
      'changed in place. Remove the table, or the data folder that it is in, and start again.',
  );
};

const updateStream = async (client: DynamoDBClient, wanted: Wanted, table: TableDescription): Promise<void> => {
  const stream = streamOf(wanted.properties);
  const { StreamEnabled: isOn = false, StreamViewType: view } = table.StreamSpecification ?? {};
  if (isOn === isTrue(stream['StreamEnabled']) && (!isOn || view === stream['StreamViewType'])) return;
  if (isOn && isTrue(stream['StreamEnabled']))
    throw new StackError(
      `${wanted.where}.StreamSpecification: the stream of table '${table.TableName}' shows ${view} and cannot be changed ` +
        `to ${JSON.stringify(stream['StreamViewType'])} in place. Take it out, start, and put it in again.`,
    );
  const { UpdateTableCommand } = await import('@aws-sdk/client-dynamodb');
  const input: JsonObject = { TableName: table.TableName ?? '', StreamSpecification: stream };
  await client.send(new UpdateTableCommand(input as CreateTableCommandInput & JsonObject));
};

const updateTimeToLive = async (client: DynamoDBClient, { properties }: Wanted, name: string): Promise<void> => {
  const { DescribeTimeToLiveCommand, UpdateTimeToLiveCommand } = await import('@aws-sdk/client-dynamodb');
  const specification = properties['TimeToLiveSpecification'];
  const wanted =
    isObject(specification) && isTrue(specification['Enabled']) ? specification['AttributeName'] : undefined;
  const { TimeToLiveDescription: current } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  const isOn = (current?.TimeToLiveStatus ?? '').startsWith('ENABL');
  const attribute = typeof wanted === 'string' ? wanted : undefined;
  const existing = isOn ? current?.AttributeName : undefined;
  if (existing === attribute) return;
  const change = async (AttributeName: string, Enabled: boolean): Promise<void> => {
    await client.send(
      new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: { AttributeName, Enabled } }),
    );
  };
  if (existing !== undefined) await change(existing, false);
  if (attribute !== undefined) await change(attribute, true);
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html */
export const TABLE: ResourceType = {
  handled: [
    'TableName',
    'BillingMode',
    'ProvisionedThroughput',
    'StreamSpecification',
    'TimeToLiveSpecification',
    ...FIXED,
  ],
  withoutMeaning: {
    PointInTimeRecoverySpecification: 'nothing is backed up on one machine',
    SSESpecification: 'tables on one machine are not encrypted',
    DeletionProtectionEnabled: 'nothing deletes tables here',
    TableClass: 'a matter of price',
    Tags: 'nothing reads them',
  },
  make: async (wanted, { dynamodb, place }) => {
    const client = await dynamodb();
    const name = optionalText(wanted.properties, 'TableName') ?? wanted.defaultName;
    const existing = await describe(client, name);
    if (existing === undefined) {
      const { CreateTableCommand } = await import('@aws-sdk/client-dynamodb');
      await client.send(new CreateTableCommand(createInput(name, wanted.properties)));
    } else {
      checkUnchanged(wanted, existing);
      await updateStream(client, wanted, existing);
    }
    const table = await whenActive(client, name);
    await updateTimeToLive(client, wanted, name);
    const arn = table.TableArn ?? `arn:aws:dynamodb:${place.region}:${place.accountId}:table/${name}`;
    const stream: Record<string, string> =
      table.LatestStreamArn === undefined ? {} : { StreamArn: table.LatestStreamArn };
    return { ref: name, attributes: { Arn: arn, ...stream } };
  },
};
