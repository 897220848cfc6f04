import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';

/** All partition keys of a table, read as an outsider would. */
export const scanKeys = async (endpoint: string, table: string): Promise<readonly string[]> => {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const keys: string[] = [];
    let from: Record<string, { S: string }> | undefined;
    do {
      const page = await client.send(
        new ScanCommand({ TableName: table, ...(from === undefined ? {} : { ExclusiveStartKey: from }) }),
      );
      for (const item of page.Items ?? []) keys.push(item['pk']?.S ?? '');
      from = page.LastEvaluatedKey as typeof from;
    } while (from !== undefined);
    return keys;
  } finally {
    client.destroy();
  }
};
