import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { expectEmulator } from '../../../localstack/deployed/aws-call.ts';
import { cloudFormation } from '../../../localstack/deployed/cloudformation.ts';
import { describeDeployment } from '../../../localstack/deployed/stack.ts';

/** Something that answers every call with what `answer` says, at an address of its own. */
const withServer = async (
  answer: (body: URLSearchParams, path: string) => readonly [status: number, body: string],
  use: (endpoint: string) => Promise<void>,
): Promise<void> => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, content] = answer(new URLSearchParams(body), request.url ?? '');
      response.writeHead(status).end(content);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    await use(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

const member = (logicalId: string, physicalId: string, type: string): string =>
  `<member><LogicalResourceId>${logicalId}</LogicalResourceId><PhysicalResourceId>${physicalId}</PhysicalResourceId>` +
  `<ResourceType>${type}</ResourceType></member>`;

test('the resources of a stack are those of all pages, in plain text', () =>
  withServer(
    (body) => {
      expect(Object.fromEntries(body)).toMatchObject({ Action: 'ListStackResources', StackName: 's' });
      return body.get('NextToken') === null
        ? [200, `<r>${member('a', 'x&amp;y', 'AWS::SQS::Queue')}<NextToken>more</NextToken></r>`]
        : [200, `<r>${member('b', 'z', 'AWS::S3::Bucket')}</r>`];
    },
    async (endpoint) => {
      expect(await cloudFormation(endpoint).resources('s')).toEqual([
        { logicalId: 'a', physicalId: 'x&y', type: 'AWS::SQS::Queue' },
        { logicalId: 'b', physicalId: 'z', type: 'AWS::S3::Bucket' },
      ]);
    },
  ));

test('a stack that is not there, or is gone, has no status; an answer that says anything else is an error', () =>
  withServer(
    (body) => {
      const stack = body.get('StackName');
      if (stack === 'gone') return [200, '<StackStatus>DELETE_COMPLETE</StackStatus>'];
      if (stack === 'there') return [200, '<StackStatus>ROLLBACK_COMPLETE</StackStatus>'];
      return stack === 'never' ? [400, 'Stack with id never does not exist'] : [500, 'broken'];
    },
    async (endpoint) => {
      const { status } = cloudFormation(endpoint);
      expect([await status('gone'), await status('there'), await status('never')]).toEqual([
        undefined,
        'ROLLBACK_COMPLETE',
        undefined,
      ]);
      await expect(status('other')).rejects.toThrow('broken');
    },
  ));

test('nothing is deployed where nothing answers, or where npm start answers; the message says what to do', async () => {
  let closed = '';
  await withServer(
    (_, path) => (path === '/_stack/health' ? [200, '{"status":"ok","functionHost":"up"}'] : [404, '']),
    async (endpoint) => {
      closed = endpoint;
      await expect(expectEmulator(endpoint)).rejects.toThrow("a stack of 'npm start'");
    },
  );
  await expect(expectEmulator(closed)).rejects.toThrow("'npm run localstack -- up'");
  await withServer(
    () => [404, ''],
    (endpoint) => expectEmulator(endpoint),
  );
});

test('every address of a deployment is at the endpoint, whatever names the emulator has for itself', () => {
  const endpoint = 'http://127.0.0.1:9';
  const resources = [
    { logicalId: 'Api', physicalId: 'abc', type: 'AWS::ApiGateway::RestApi' },
    { logicalId: 'Q', physicalId: 'http://sqs.us-east-1.localhost:9/0/s-q.fifo', type: 'AWS::SQS::Queue' },
    { logicalId: 'B', physicalId: 's-media', type: 'AWS::S3::Bucket' },
    { logicalId: 'ServerlessDeploymentBucket', physicalId: 's-packages', type: 'AWS::S3::Bucket' },
  ];
  expect(describeDeployment({ endpoint, stage: 'local-2', adminToken: 'secret', resources })).toMatchObject({
    apiUrl: `${endpoint}/restapis/abc/local-2/_user_request_`,
    pid: null,
    queues: { 's-q.fifo': `${endpoint}/0/s-q.fifo` },
    buckets: { 's-media': 's-media' },
  });
});
