import { DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import type { ParityPlace } from '../place.ts';
import type { Row, RowGroup } from '../row.ts';

const variablesOf = async (place: ParityPlace): Promise<Readonly<Record<string, string>>> => {
  const FunctionName = place.fn('probe').name;
  const { Environment } = await place.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return Environment?.Variables ?? {};
};

const queueUrl = async (place: ParityPlace, role: string): Promise<string> =>
  (await place.sqs.send(new GetQueueUrlCommand({ QueueName: `parity-local-${role}` }))).QueueUrl ?? '';

/** In the template the variable is made by the function; a client sees what it came to. */
const variable = (title: string, name: string, expected: string | RegExp): Row => ({
  title,
  run: async (place) => {
    expect((await variablesOf(place))[name]).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  },
});

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html */
export const cloudFormation: RowGroup = {
  subject: 'CloudFormation, as far as the template uses it',
  rows: [
    {
      title: 'Ref of a queue is its address',
      run: async (place) => {
        const path = new URL((await variablesOf(place))['REF_OF_QUEUE'] ?? '').pathname;
        expect(path).toBe(new URL(await queueUrl(place, 'items')).pathname);
      },
    },
    variable('Ref of a table is its name', 'REF_OF_TABLE', 'parity-local-sightings'),
    variable('Fn::GetAtt gives the ARN of a queue', 'GET_ATT', /^arn:aws:sqs:us-east-1:\d{12}:parity-local-items$/u),
    variable(
      'Fn::Sub knows resources, attributes and pseudo-parameters',
      'SUB',
      'us-east-1/parity-local-sightings/parity-local-items',
    ),
    variable('Fn::Sub knows names of its own', 'SUB_WITH_MAP', 'parity-local-sightings-parity-local'),
    variable('Fn::Join joins, pseudo-parameters too', 'JOIN', /^a\+\d{12}\+b$/u),
    variable('Fn::Select takes by index', 'SELECT', 'one'),
    variable('Fn::Split splits', 'SPLIT', 'parity-local-items'),
    variable('Fn::If with Fn::Not of a condition', 'IF', 'here'),
    variable('Fn::If with Fn::Equals, and a Ref in its branch', 'OUTPUT_OF_CONDITION', 'parity-local-sightings'),
    {
      title: 'a resource whose condition does not hold is not made',
      run: async (place) => {
        await expect(queueUrl(place, 'never-made')).rejects.toMatchObject({
          name: expect.stringMatching(/QueueDoesNotExist|NonExistentQueue/u),
        });
      },
    },
    {
      title: 'the properties of a queue are in force: visibility timeout and redrive policy',
      run: async (place) => {
        const QueueUrl = await queueUrl(place, 'items');
        const { Attributes = {} } = await place.sqs.send(
          new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
        );
        expect(Attributes['VisibilityTimeout']).toBe('61');
        expect(JSON.parse(Attributes['RedrivePolicy'] ?? '{}')).toEqual({
          deadLetterTargetArn: expect.stringMatching(/:parity-local-dead-letters$/u),
          maxReceiveCount: 7,
        });
      },
    },
    {
      title: "a table's time to live is in force",
      run: async (place) => {
        const TableName = 'parity-local-sightings';
        const { TimeToLiveDescription } = await place.dynamodb.send(new DescribeTimeToLiveCommand({ TableName }));
        expect(TimeToLiveDescription).toMatchObject({ TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' });
      },
    },
  ],
};
