import { readDeploySettings } from '../../../localstack/deployed/deploy-settings.ts';

const read = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => readDeploySettings(args, env, 'the usage');

test('without flags it is stage local at the usual address of LocalStack', () => {
  expect(read([])).toMatchObject({ stage: 'local', endpoint: 'http://127.0.0.1:4566', help: false });
  expect(read(['--stage', 'local-2'], { AWS_ENDPOINT_URL: 'http://localhost:1' })).toMatchObject({
    stage: 'local-2',
    endpoint: 'http://localhost:1',
  });
});

test('nothing is deployed to an endpoint that is not on this machine', () => {
  for (const url of ['https://cloudformation.us-east-1.amazonaws.com', 'http://10.0.0.1:4566'])
    expect(() => read([], { AWS_ENDPOINT_URL: url })).toThrow(url);
});

test('a stage that is not local, and one that no bucket could be named after, are refused with what is allowed', () => {
  for (const stage of ['prod', 'localhost', '', 'local-A', 'local--2', 'local-', `local-${'x'.repeat(20)}`])
    expect(() => read(['--stage', stage])).toThrow(`Expected --stage to be 'local' or 'local-…'`);
});

test('an unknown flag is refused with the usage', () => {
  expect(() => read(['--force'])).toThrow('the usage');
});
