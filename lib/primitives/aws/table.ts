import { checkNames, checkText } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { OutcomeUnknownError, UnavailableError } from '../errors.ts';
import { queryRange } from '../query-range.ts';
import type { Random } from '../random.ts';
import { systemClock } from '../system-clock.ts';
import { systemRandom } from '../system-random.ts';
import type { Fields, Key, Table, TransactionOutcome, WriteOutcome } from '../table.ts';
import {
  checkDelete,
  checkKey,
  checkKeys,
  checkKeysOfTables,
  checkPut,
  checkQuery,
  checkUpdate,
  checkWrites,
  keyText,
} from '../table-limits.ts';
import { fieldsFrom, keyAttributes, keyFrom, type Attributes } from './attributes.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';
import { cancelledOutcome, deleteInput, putInput, transactItem, updateInput } from './transactions.ts';

export interface AwsTableOptions {
  /** Name of a table with hash key `pk`, range key `sk` (strings) and time to live `ttl`. */
  readonly name: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
  /** For the waits between the rounds of `getMany`. Default: the machine's. */
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Rounds of BatchGetItem for what a round left unprocessed. */
const MAX_ROUND_COUNT = 5;
const FIRST_WAIT_MS = 50;

type Sdk = Awaited<ReturnType<AwsClients['dynamodb']>>;

const written: WriteOutcome = Object.freeze({ status: 'written' });
const current = (item: Attributes | undefined): Fields | undefined =>
  item === undefined ? undefined : fieldsFrom(item);

/** Each key once, since a batch refuses twins; `inOrder` gives the answers the order of the keys again. */
const distinct = (keys: readonly Key[]) => {
  const byText = new Map(keys.map((key) => [keyText(key), keyAttributes(key)]));
  return {
    attributes: [...byText.values()],
    inOrder: (found: ReadonlyMap<string, Fields>) => Object.freeze(keys.map((key) => found.get(keyText(key)))),
  };
};

/**
 * A table of DynamoDB, pay-per-request or provisioned. Each method is one call of the API; `getMany` repeats what DynamoDB
 * left out, up to 5 rounds with full jitter from 50 ms on, and then raises `UnavailableError`. A single write that meets
 * a transaction raises `UnavailableError` too.
 */
export const awsTable = (options: AwsTableOptions): Table => {
  checkNames(options, ['name', 'clients', 'clock', 'random']);
  checkText('name', options.name, 1, 255);
  const { name, clients = sharedClients(), clock = systemClock(), random = systemRandom() } = options;

  const call = async <T>(operation: string, isWrite: boolean, run: (sdk: Sdk) => Promise<T>): Promise<T> => {
    try {
      return await run(await clients.dynamodb());
    } catch (error) {
      throw portError(`${operation} ${name}`, error, isWrite);
    }
  };
  const write = (operation: string, run: (sdk: Sdk) => Promise<object>): Promise<WriteOutcome> =>
    call(operation, true, async (sdk) => {
      try {
        await run(sdk);
        return written;
      } catch (error) {
        if (!(error instanceof sdk.sdk.ConditionalCheckFailedException)) throw error;
        return Object.freeze({ status: 'refused', current: current(error.Item) });
      }
    });

  const getMany: Table['getMany'] = async (keys, { consistent = true } = {}) => {
    checkKeys(keys);
    const { attributes, inOrder } = distinct(keys);
    const found = new Map<string, Fields>();
    let rest: readonly Attributes[] = attributes;
    for (let round = 0; rest.length > 0; round += 1) {
      if (round === MAX_ROUND_COUNT) throw new UnavailableError(`BatchGetItem ${name}: ${rest.length} keys left`);
      if (round > 0) await clock.sleep(random.next() * FIRST_WAIT_MS * 2 ** (round - 1));
      const Keys = [...rest];
      const answer = await call('BatchGetItem', false, ({ client, sdk }) =>
        client.send(new sdk.BatchGetItemCommand({ RequestItems: { [name]: { Keys, ConsistentRead: consistent } } })),
      );
      for (const item of answer.Responses?.[name] ?? []) found.set(keyText(keyFrom(item)), fieldsFrom(item));
      rest = answer.UnprocessedKeys?.[name]?.Keys ?? [];
    }
    return inOrder(found);
  };

  const transact: Table['transact'] = async (writes, how = {}) => {
    checkWrites(name, writes, how);
    const TransactItems = writes.map(({ table, ...one }) => transactItem(table?.name ?? name, one));
    const token = how.token === undefined ? {} : { ClientRequestToken: how.token };
    return call('TransactWriteItems', true, async ({ client, sdk }): Promise<TransactionOutcome> => {
      try {
        await client.send(new sdk.TransactWriteItemsCommand({ TransactItems, ...token }));
        return Object.freeze({ status: 'written' });
      } catch (error) {
        // An earlier attempt with this token is being applied: that is no conflict, in which nothing is written.
        if (error instanceof sdk.TransactionInProgressException)
          throw new OutcomeUnknownError(`TransactWriteItems ${name}`, error);
        if (!(error instanceof sdk.TransactionCanceledException)) throw error;
        return cancelledOutcome(`TransactWriteItems ${name}`, error.CancellationReasons ?? [], error);
      }
    });
  };

  const transactGet: Table['transactGet'] = async (keys) => {
    checkKeysOfTables(keys);
    if (keys.length === 0) return [];
    // Each record once: a transaction refuses twins.
    const places = keys.map(({ table, ...key }) => {
      const TableName = table?.name ?? name;
      return { text: keyText(key, TableName), get: { TableName, Key: keyAttributes(key) } };
    });
    const byText = new Map(places.map(({ text, get }) => [text, get]));
    return call('TransactGetItems', false, async ({ client, sdk }) => {
      try {
        const TransactItems = [...byText.values()].map((Get) => ({ Get }));
        const { Responses = [] } = await client.send(new sdk.TransactGetItemsCommand({ TransactItems }));
        const found = new Map([...byText.keys()].map((text, at) => [text, current(Responses[at]?.Item)]));
        return Object.freeze(places.map(({ text }) => found.get(text)));
      } catch (error) {
        if (!(error instanceof sdk.TransactionCanceledException)) throw error;
        cancelledOutcome(`TransactGetItems ${name}`, error.CancellationReasons ?? [], error);
        return undefined;
      }
    });
  };

  const query: Table['query'] = async (request) => {
    checkQuery(request);
    const { partition, sortPrefix = '', limit = 1000, descending = false, consistent = true } = request;
    const range = queryRange(request);
    if (range.kind === 'nothing') return Object.freeze({ records: [] });
    return call('Query', false, async ({ client, sdk }) => {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new sdk.QueryCommand({
          TableName: name,
          KeyConditionExpression: sortPrefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: {
            ':pk': { S: partition },
            ...(sortPrefix === '' ? {} : { ':prefix': { S: sortPrefix } }),
          },
          ...(range.kind === 'start' ? { ExclusiveStartKey: keyAttributes({ partition, sort: range.after }) } : {}),
          Limit: limit,
          ScanIndexForward: !descending,
          ConsistentRead: consistent,
        }),
      );
      const records = Items.map((item) => Object.freeze({ key: keyFrom(item), fields: fieldsFrom(item) }));
      const next = LastEvaluatedKey?.['sk']?.S;
      return Object.freeze(next === undefined ? { records } : { records, next });
    });
  };

  return Object.freeze<Table>({
    name,
    get: async (key, { consistent = true } = {}) => {
      checkKey(key);
      const input = { TableName: name, Key: keyAttributes(key), ConsistentRead: consistent };
      return call('GetItem', false, async ({ client, sdk }) =>
        current((await client.send(new sdk.GetItemCommand(input))).Item),
      );
    },
    getMany,
    put: async (put) => {
      checkPut(put);
      const input = putInput(name, { kind: 'put', ...put });
      return write('PutItem', ({ client, sdk }) => client.send(new sdk.PutItemCommand(input)));
    },
    update: async (update) => {
      checkUpdate(update);
      const input = updateInput(name, { kind: 'update', ...update });
      return write('UpdateItem', ({ client, sdk }) => client.send(new sdk.UpdateItemCommand(input)));
    },
    delete: async (del) => {
      checkDelete(del);
      const input = deleteInput(name, { kind: 'delete', ...del });
      return write('DeleteItem', ({ client, sdk }) => client.send(new sdk.DeleteItemCommand(input)));
    },
    query,
    transact,
    transactGet,
  });
};
