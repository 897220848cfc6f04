/** What happened to an object. */
export interface S3Change {
  /** As a notification names it, without `s3:`: `ObjectCreated:Put`. */
  readonly name: S3EventName;
  readonly bucket: string;
  readonly key: string;
  /** Of the object that is there now; none when it was removed. */
  readonly object?: { readonly sizeBytes: number; readonly eTag: string };
  readonly region: string;
  readonly atMs: number;
  readonly requestId: string;
  /** Rises with each change of a bucket: hexadecimal, of fixed length. */
  readonly sequencer: string;
}

export type S3EventName = keyof typeof REASONS;

/** The events that can happen here, and the reason that EventBridge gives for each. */
const REASONS = {
  'ObjectCreated:Put': 'PutObject',
  'ObjectCreated:Post': 'POST Object',
  'ObjectCreated:Copy': 'CopyObject',
  'ObjectCreated:CompleteMultipartUpload': 'CompleteMultipartUpload',
  'ObjectRemoved:Delete': 'DeleteObject',
} as const;

/** What a notification may ask for. */
export const S3_EVENTS: readonly string[] = [
  's3:ObjectCreated:*',
  's3:ObjectRemoved:*',
  's3:ObjectRemoved:DeleteMarkerCreated',
  ...Object.keys(REASONS).map((name) => `s3:${name}`),
];

/** Whether an event that a configuration asks for covers another: `s3:ObjectCreated:*` covers `s3:ObjectCreated:Put`. */
export const coversS3Event = (asked: string, event: string): boolean =>
  asked === event || (asked.endsWith(':*') && event.startsWith(asked.slice(0, -1)));

/** As in a form: a space is `+`, a slash stays. */
const encodedKey = (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+');

const PRINCIPAL = { principalId: 'AWS:LOCAL' };
const ADDRESS = '127.0.0.1';

/**
 * The JSON that a queue, a topic or a function gets. The key is URL-encoded.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export const s3Notification = (change: S3Change, configurationId: string): string => {
  const { object, bucket, requestId } = change;
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: change.region,
    eventTime: new Date(change.atMs).toISOString(),
    eventName: change.name,
    userIdentity: PRINCIPAL,
    requestParameters: { sourceIPAddress: ADDRESS },
    responseElements: { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId,
      bucket: { name: bucket, ownerIdentity: PRINCIPAL, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodedKey(change.key),
        ...(object === undefined ? {} : { size: object.sizeBytes, eTag: object.eTag }),
        sequencer: change.sequencer,
      },
    },
  };
  return JSON.stringify({ Records: [record] });
};

/** The message that tests a queue or a topic when a configuration names it. */
export const s3TestEvent = (bucket: string, atMs: number, requestId: string): string =>
  JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date(atMs).toISOString(),
    Bucket: bucket,
    RequestId: requestId,
    HostId: requestId,
  });

/** The same change for EventBridge: the key as it is. */
export interface S3BusEvent {
  readonly source: 'aws.s3';
  readonly detailType: 'Object Created' | 'Object Deleted';
  readonly resources: readonly string[];
  readonly atMs: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
export const s3BusEvent = (change: S3Change, accountId: string): S3BusEvent => {
  const { object, bucket } = change;
  return {
    source: 'aws.s3',
    detailType: object === undefined ? 'Object Deleted' : 'Object Created',
    resources: [`arn:aws:s3:::${bucket}`],
    atMs: change.atMs,
    detail: {
      version: '0',
      bucket: { name: bucket },
      object: {
        key: change.key,
        ...(object === undefined ? {} : { size: object.sizeBytes, etag: object.eTag }),
        sequencer: change.sequencer,
      },
      'request-id': change.requestId,
      requester: accountId,
      'source-ip-address': ADDRESS,
      reason: REASONS[change.name],
      ...(object === undefined ? { 'deletion-type': 'Permanently Deleted' } : {}),
    },
  };
};
