import { awsClients } from '#primitives/aws/clients';
import { guardedEndpoint } from '#primitives/aws/endpoint-guard';
import { awsQueue } from '#primitives/aws/queue';

const LOCAL = 'http://127.0.0.1:4566';

test('lets a loopback endpoint pass, in every way of writing it', () => {
  for (const url of [LOCAL, 'http://localhost:1', 'http://[::1]:1', 'https://127.8.9.1', 'http://2130706433:80']) {
    expect(guardedEndpoint('SQS', { AWS_ENDPOINT_URL: url })).toBe(url);
  }
});

test('refuses every other endpoint once a local one is meant', () => {
  for (const url of [
    'https://sqs.us-east-1.amazonaws.com',
    'http://127.0.0.1.example.org',
    'http://10.0.0.1',
    'ftp://127.0.0.1',
    'x',
  ]) {
    expect(() => guardedEndpoint('SQS', { AWS_ENDPOINT_URL: url })).toThrow("Expected 'AWS_ENDPOINT_URL'");
  }
  // Stage local without an endpoint would reach AWS; so would one service's own variable.
  for (const STAGE of ['local', 'local-2'])
    expect(() => guardedEndpoint('SQS', { STAGE })).toThrow('ALLOW_REMOTE_ENDPOINT=1');
  const mixed = { AWS_ENDPOINT_URL: LOCAL, AWS_ENDPOINT_URL_SQS: 'https://example.org' };
  expect(() => guardedEndpoint('SQS', mixed)).toThrow('https://example.org');
  expect(guardedEndpoint('S3', mixed)).toBe(LOCAL);
});

test('an error shows of an address only where it leads, never a password', () => {
  for (const url of ['https://u:pass@example.org/pass', 'ftp://u:pass@127.0.0.1', 'u:pass@127.0.0.1', '//u:pass@h']) {
    const refused = () => guardedEndpoint('SQS', { AWS_ENDPOINT_URL: url });
    expect(refused).toThrow("Expected 'AWS_ENDPOINT_URL'");
    expect(refused).not.toThrow('pass@');
  }
});

test('in the functions of a local stage lets the LocalStack pass that says it runs them, where it is no address of AWS', () => {
  for (const host of ['172.17.0.2', '10.1.2.3', '192.168.65.2', 'localhost.localstack.cloud']) {
    const url = `http://${host}:4566`;
    const told = { STAGE: 'local-2', AWS_ENDPOINT_URL: url, LOCALSTACK_HOSTNAME: host };
    expect(guardedEndpoint('SQS', told)).toBe(url);
    for (const change of [{ STAGE: 'prod' }, { LOCALSTACK_HOSTNAME: '127.0.0.1' }, { LOCALSTACK_HOSTNAME: undefined }])
      expect(() => guardedEndpoint('SQS', { ...told, ...change })).toThrow(`got ${url}`);
  }
  for (const host of ['sqs.us-east-1.amazonaws.com', '172.32.0.1', '52.94.1.1', '10.0.0.1.example.org']) {
    const told = { STAGE: 'local', AWS_ENDPOINT_URL: `http://${host}`, LOCALSTACK_HOSTNAME: host };
    expect(() => guardedEndpoint('SQS', told)).toThrow(host);
  }
});

test('lets any endpoint pass on AWS, or when it is allowed', () => {
  expect(guardedEndpoint('SQS', { STAGE: 'prod' })).toBeUndefined();
  const remote = { STAGE: 'local', AWS_ENDPOINT_URL: 'http://10.0.0.1:4566', ALLOW_REMOTE_ENDPOINT: '1' };
  expect(guardedEndpoint('SQS', remote)).toBe('http://10.0.0.1:4566');
});

test('a refused endpoint is an error of every call, and nothing is sent', async () => {
  const clients = awsClients({ environment: { STAGE: 'local' } });
  await expect(clients.sqs()).rejects.toMatchObject({ code: 'primitives/invalid-argument' });
  const queue = awsQueue({ url: 'https://sqs.us-east-1.amazonaws.com/1/q', clients });
  await expect(queue.receive({ maxCount: 1 })).rejects.toMatchObject({ code: 'primitives/invalid-argument' });
});
