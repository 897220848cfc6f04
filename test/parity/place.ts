import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { CreateEventSourceMappingCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { Message, SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeOrder, Sighting } from './service/orders.ts';

export interface Named {
  readonly name: string;
  readonly arn: string;
}

export interface ParityQueue {
  readonly url: string;
  readonly arn: string;
}

export type Send = ProbeOrder & {
  /** Instead of the order as JSON. */
  readonly body?: string;
  readonly groupId?: string;
  readonly attributes?: SendMessageBatchRequestEntry['MessageAttributes'];
};

/**
 * Somewhere that claims to be AWS, with the probe functions of `service/` deployed to it. All that the rows know of it
 * are the AWS APIs; what they make lives until the place closes.
 */
export interface ParityPlace {
  /** `embedded`, `localstack`, `ministack`. */
  readonly name: string;
  readonly endpointUrl: string;
  readonly region: string;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly dynamodb: DynamoDBClient;
  readonly events: EventBridgeClient;
  readonly scheduler: SchedulerClient;
  readonly sns: SNSClient;
  readonly s3: S3Client;
  /** A function of `service/serverless.yml` by its key there, e.g. `probe`. */
  fn(key: string): Named;
  /** What the probes saw of one source (see `keyOf` in `service/orders.ts`), the oldest first. */
  sightings(key: string): Promise<readonly Sighting[]>;
  /** A new queue; hides messages for 5 s unless `attributes` say otherwise. */
  queue(attributes?: Readonly<Record<string, string>>): Promise<ParityQueue>;
  send(queue: ParityQueue, messages: readonly Send[]): Promise<void>;
  /** Messages that are there, hidden or not. */
  depth(queue: ParityQueue): Promise<number>;
  /** Takes what is visible now, and hides it for 30 s. */
  take(queue: ParityQueue): Promise<readonly Message[]>;
  /** Feeds a function (`probe` unless said otherwise) from a queue or stream; gives the mapping's UUID when it is on. */
  map(input: Partial<CreateEventSourceMappingCommandInput> & { readonly EventSourceArn: string }): Promise<string>;
  /** Lets a service call a function, e.g. `events.amazonaws.com`. */
  allow(functionName: string, principal: string, sourceArn: string): Promise<void>;
  close(): Promise<void>;
}
