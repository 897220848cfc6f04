import { S3Client, DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { ACCOUNT_ID, REGION } from '../plugin/account.ts';
import { clientConfig } from '../plugin/resources/clients.ts';
import { awsCall, AwsCallError } from './aws-call.ts';

/** Of 1 000 objects each. */
const MAX_PAGES = 1_000;

/** Removes every object of the buckets: CloudFormation does not remove a bucket that holds something. */
export const emptyBuckets = async (endpoint: string, buckets: readonly string[]): Promise<void> => {
  const config = clientConfig({ endpoint, region: REGION, accountId: ACCOUNT_ID });
  const client = new S3Client({ ...config, forcePathStyle: true });
  const emptyPage = async (Bucket: string): Promise<boolean> => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const Objects = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]));
    if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    return Objects.length === 0;
  };
  const empty = async (bucket: string): Promise<void> => {
    try {
      for (let page = 0; page < MAX_PAGES && !(await emptyPage(bucket)); page += 1);
    } catch (error) {
      // A stack that failed may name a bucket that it never made.
      if (!(error instanceof Error && error.name === 'NoSuchBucket')) throw error;
    }
  };
  try {
    for (const bucket of buckets) await empty(bucket);
  } finally {
    client.destroy();
  }
};

/**
 * Removes log groups, whether or not they are there. A function that still ran when its stack was removed, and a
 * creation that failed, leave theirs behind, and the next creation would fail on it.
 */
export const removeLogGroups = async (endpoint: string, names: readonly string[]): Promise<void> => {
  for (const logGroupName of names)
    try {
      await awsCall(endpoint, 'logs', {
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.DeleteLogGroup' },
        body: JSON.stringify({ logGroupName }),
      });
    } catch (error) {
      if (!(error instanceof AwsCallError && error.message.includes('ResourceNotFound'))) throw error;
    }
};
