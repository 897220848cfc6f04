import { authorization } from './authorization.ts';
import { loopbackUrl } from './sqs-api.ts';

const CALL_TIMEOUT_MS = 10_000;

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf(':') + 1);

/**
 * Sends text to the queue or topic that is told of records of a stream which were given up, at an endpoint on loopback.
 *
 * @throws An `Error` when the endpoint is not on loopback; the function it gives rejects when the text was not taken.
 */
export const failureDestination = (endpointUrl: string): ((arn: string, body: string) => Promise<void>) => {
  const endpoint = loopbackUrl(endpointUrl);

  const post = async (service: string, arn: string, headers: Record<string, string>, body: string): Promise<string> => {
    const region = arn.split(':')[3] ?? '';
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, 'x-amz-date': '20260101T000000Z', authorization: authorization(region, service) },
      body,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${arn} was not told: ${text.slice(0, 500)}`);
    return text;
  };

  const toQueue = async (arn: string, MessageBody: string): Promise<void> => {
    const ask = (operation: string, input: object): Promise<string> =>
      post(
        'sqs',
        arn,
        { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` },
        JSON.stringify(input),
      );
    const { QueueUrl } = JSON.parse(await ask('GetQueueUrl', { QueueName: nameOf(arn) })) as {
      readonly QueueUrl?: string;
    };
    await ask('SendMessage', { QueueUrl, MessageBody });
  };

  const toTopic = async (TopicArn: string, Message: string): Promise<void> => {
    const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31', TopicArn, Message });
    await post('sns', TopicArn, { 'content-type': 'application/x-www-form-urlencoded' }, form.toString());
  };

  return (arn, body) => (arn.split(':')[2] === 'sns' ? toTopic(arn, body) : toQueue(arn, body));
};
