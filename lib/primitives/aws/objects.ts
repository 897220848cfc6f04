import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';

import { checkNames, checkText } from '../checks.ts';
import { checkGet, checkList, checkObjectKey } from '../object-limits.ts';
import { ObjectTooLargeError, UnavailableError } from '../errors.ts';
import type { Objects } from '../objects.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

export interface AwsObjectsOptions {
  /** Name of the bucket. */
  readonly name: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}

type Sdk = Awaited<ReturnType<AwsClients['s3']>>;

/** A bucket of S3. A body is held in memory as a whole: for objects of megabytes, not of gigabytes. */
export const awsObjects = (options: AwsObjectsOptions): Objects => {
  checkNames(options, ['name', 'clients']);
  checkText('name', options.name, 1, 255);
  const { name: Bucket, clients = sharedClients() } = options;

  const call = async <T>(operation: string, isWrite: boolean, run: (sdk: Sdk) => Promise<T>): Promise<T> => {
    try {
      return await run(await clients.s3());
    } catch (error) {
      throw portError(`${operation} ${Bucket}`, error, isWrite);
    }
  };

  /** The body comes after the attempts that the client watches: one that is cut off or stops is not asked for again. */
  const bytesOf = async (body: GetObjectCommandOutput['Body']): Promise<Uint8Array> => {
    try {
      return (await body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      throw new UnavailableError(`GetObject ${Bucket}`, error);
    }
  };

  const get: Objects['get'] = async (key, request = {}) => {
    checkGet(key, request);
    const { maxBytes = Infinity } = request;
    return call('GetObject', false, async ({ client, sdk }) => {
      try {
        const command = new sdk.GetObjectCommand({ Bucket, Key: key });
        const { Body, ContentType, ContentLength = 0, ETag } = await client.send(command);
        if (ContentLength > maxBytes) {
          // What is left unread keeps its connection.
          if (Body !== undefined && 'destroy' in Body) Body.destroy();
          throw new ObjectTooLargeError(key, ContentLength, maxBytes);
        }
        return Object.freeze({
          body: await bytesOf(Body),
          contentType: ContentType ?? 'application/octet-stream',
          etag: ETag ?? '',
        });
      } catch (error) {
        if (error instanceof sdk.NoSuchKey) return undefined;
        throw error;
      }
    });
  };

  const list: Objects['list'] = async (request = {}) => {
    checkList(request);
    const { prefix, after, limit } = request;
    return call('ListObjectsV2', false, async ({ client, sdk }) => {
      const { Contents = [], IsTruncated } = await client.send(
        new sdk.ListObjectsV2Command({
          Bucket,
          ...(prefix === undefined ? {} : { Prefix: prefix }),
          ...(after === undefined ? {} : { StartAfter: after }),
          ...(limit === undefined ? {} : { MaxKeys: limit }),
        }),
      );
      const objects = Contents.map(({ Key = '', Size = 0, ETag = '' }) =>
        Object.freeze({ key: Key, sizeBytes: Size, etag: ETag }),
      );
      const next = IsTruncated === true ? objects.at(-1)?.key : undefined;
      return Object.freeze(next === undefined ? { objects } : { objects, next });
    });
  };

  return Object.freeze<Objects>({
    name: Bucket,
    get,
    put: async (key, body, { contentType = 'application/octet-stream' } = {}) => {
      checkObjectKey(key);
      await call('PutObject', true, ({ client, sdk }) =>
        client.send(new sdk.PutObjectCommand({ Bucket, Key: key, Body: body, ContentType: contentType })),
      );
    },
    delete: async (key) => {
      checkObjectKey(key);
      await call('DeleteObject', true, ({ client, sdk }) =>
        client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key })),
      );
    },
    list,
  });
};
