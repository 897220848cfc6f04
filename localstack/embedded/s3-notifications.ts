import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import {
  s3BusEvent,
  s3Notification,
  s3TestEvent,
  type S3BusEvent,
  type S3Change,
  type S3EventName,
} from '#event-sources/s3-event';
import { errorAnswer } from './answers.ts';
import { patientCaller, type Answer, type Backend, type Call, type Operation } from './call.ts';
import type { Letters } from './letters.ts';
import { objectOf } from './operation.ts';
import {
  isToldOf,
  notificationXml,
  parseNotificationConfig,
  type NotificationConfig,
  type NotificationTarget,
} from './s3-notification-config.ts';
import { Refused } from './refusal.ts';
import { childrenOf, parseXml, textOf } from './s3-xml.ts';

export interface S3NotificationsOptions {
  /** Keeps buckets and objects. */
  readonly backend: Backend;
  readonly letters: Letters;
  /** Takes an event for a function over; false when it cannot. */
  readonly toFunction: (arn: string, payload: string) => boolean;
  readonly hasFunction: (arn: string) => boolean;
  readonly toBus: (event: S3BusEvent) => void;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const CREATED: Readonly<Record<string, S3EventName>> = {
  PutObject: 'ObjectCreated:Put',
  PostObject: 'ObjectCreated:Post',
  CopyObject: 'ObjectCreated:Copy',
  CompleteMultipartUpload: 'ObjectCreated:CompleteMultipartUpload',
};
const REMOVED = 'ObjectRemoved:Delete';
const NONE: NotificationConfig = { targets: [], eventBridge: false };
const SUBJECT = 'Amazon S3 Notification';
const SEQUENCER_DIGITS = 18;
const XML = { 'content-type': 'application/xml' };

/** The field of a form upload that names the key, and the one with the file. */
const KEY_FIELD = /name="key"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n/;
const FILE_NAME = /name="file"; filename="([^"\r\n]*)"/;

const formKey = (form: string): readonly string[] => {
  const key = KEY_FIELD.exec(form)?.[1];
  return key === undefined ? [] : [key.replaceAll('${filename}', FILE_NAME.exec(form)?.[1] ?? '')];
};

/** The keys that a call is about: one in its address or its form, or those that DeleteObjects lists. */
const keysOf = (name: string, call: Call): readonly string[] => {
  if (name === 'PostObject') return formKey(call.body.toString());
  if (name !== 'DeleteObjects') {
    try {
      return [decodeURIComponent(objectOf(call.url, call.headers).key)];
    } catch {
      return [];
    }
  }
  const root = parseXml(call.body.toString());
  return root === undefined ? [] : childrenOf(root, 'Object').flatMap((object) => textOf(object, 'Key') ?? []);
};

/**
 * S3 with event notifications: keeps the configurations of buckets, and tells queues, topics, functions and the default
 * bus of what was done to objects. A change is told after it was made and before it is answered; what a target does not
 * take is logged and gone. The removal of what was not there is no change.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
 */
export const withS3Notifications = (
  options: S3NotificationsOptions,
): ((operation: Operation, call: Call) => Promise<Answer>) => {
  const { backend, letters, clock, random, log } = options;
  const configs = new Map<string, NotificationConfig>();
  let sequence = 0;

  const ask = (method: string, bucket: string, key?: string): Promise<Answer> =>
    backend({
      method,
      url: key === undefined ? `/${bucket}` : `/${bucket}/${encodeURIComponent(key)}`,
      headers: { host: 'localhost' },
      body: Buffer.alloc(0),
      caller: patientCaller,
    });

  const told = async (target: NotificationTarget, payload: string): Promise<void> => {
    if (target.kind === 'queue') await letters.toQueue(target.arn, { body: payload });
    else if (target.kind === 'topic') await letters.toTopic(target.arn, { body: payload, subject: SUBJECT });
    else if (!options.toFunction(target.arn, payload)) throw new Error('The function cannot be called.');
  };

  const tell = async (change: S3Change, config: NotificationConfig): Promise<void> => {
    if (config.eventBridge) options.toBus(s3BusEvent(change, options.accountId));
    for (const target of config.targets.filter((each) => isToldOf(each, change.name, change.key)))
      await told(target, s3Notification(change, target.id)).catch((error: unknown) =>
        log.error('a notification was lost', { bucket: change.bucket, target: target.arn, error: String(error) }),
      );
  };

  const changeOf = (name: S3EventName, bucket: string, key: string): S3Change => {
    sequence += 1;
    const atMs = clock.nowMs();
    const sequencer = (BigInt(atMs) * 1_000_000n + BigInt(sequence % 1_000_000)).toString(16);
    return {
      name,
      bucket,
      key,
      region: options.region,
      atMs,
      requestId: random.uuid(),
      sequencer: sequencer.toUpperCase().padStart(SEQUENCER_DIGITS, '0'),
    };
  };

  const tellCreated = async (
    name: S3EventName,
    bucket: string,
    key: string,
    config: NotificationConfig,
  ): Promise<void> => {
    const { status, headers } = await ask('HEAD', bucket, key);
    // Somebody removed it meanwhile, and is told to have done so.
    const object = {
      sizeBytes: Number(headers['content-length'] ?? 0),
      eTag: String(headers['etag'] ?? '').replaceAll('"', ''),
    };
    if (status === 200) await tell({ ...changeOf(name, bucket, key), object }, config);
  };

  const removing = async (name: string, call: Call, bucket: string, config: NotificationConfig): Promise<Answer> => {
    const there: string[] = [];
    for (const key of keysOf(name, call)) if ((await ask('HEAD', bucket, key)).status === 200) there.push(key);
    const answer = await backend(call);
    for (const key of there)
      if ((await ask('HEAD', bucket, key)).status === 404) await tell(changeOf(REMOVED, bucket, key), config);
    return answer;
  };

  const problemOf = async ({ kind, arn }: NotificationTarget): Promise<boolean> => {
    if (kind === 'queue') return arn.endsWith('.fifo') || !(await letters.hasQueue(arn));
    if (kind === 'topic') return arn.endsWith('.fifo') || !(await letters.hasTopic(arn));
    return !options.hasFunction(arn);
  };

  const putConfig = async (bucket: string, call: Call): Promise<Answer> => {
    const config = parseNotificationConfig(call.body.toString());
    for (const target of config.targets)
      if (await problemOf(target))
        throw new Refused(
          'InvalidArgument',
          `Unable to validate the following destination configurations: ${target.arn}`,
        );
    const test = s3TestEvent(bucket, clock.nowMs(), random.uuid());
    for (const target of config.targets) if (target.kind !== 'function') await told(target, test);
    configs.set(bucket, config);
    return { status: 200, headers: {}, body: '' };
  };

  const configured = async (bucket: string, call: Call): Promise<Answer> => {
    const found = await ask('HEAD', bucket);
    if (found.status === 404)
      return errorAnswer('s3', { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' });
    if (call.method === 'GET') return { status: 200, headers: XML, body: notificationXml(configs.get(bucket) ?? NONE) };
    try {
      return await putConfig(bucket, call);
    } catch (error) {
      if (error instanceof Refused) return errorAnswer('s3', { status: 400, code: error.code, message: error.message });
      throw error;
    }
  };

  return async ({ name }, call) => {
    const { bucket } = objectOf(call.url, call.headers);
    if (name.endsWith('BucketNotificationConfiguration')) return configured(bucket, call);
    const config = configs.get(bucket);
    if (config === undefined) return backend(call);
    if (name === 'DeleteObject' || name === 'DeleteObjects') return removing(name, call, bucket, config);
    const answer = await backend(call);
    if (name === 'DeleteBucket' && answer.status < 300) configs.delete(bucket);
    const created = CREATED[name];
    // A copy and a completed upload may fail behind a status of 200.
    if (created === undefined || answer.status >= 400 || answer.body.includes('<Error>')) return answer;
    for (const key of keysOf(name, call)) await tellCreated(created, bucket, key, config);
    return answer;
  };
};
