import path from 'node:path';
import { codeKey } from '../../../../functions/serving/functions-and-events/code-key.ts';

/** serverless.yml loads it; there are no types of it. */
const SECRET = path.resolve('functions/serving/functions-and-events/code-key-secret.js');
type Resolve = (framework: { resolveVariable(name: string): Promise<unknown> }) => Promise<unknown>;
const { codeKeyReference, codeKeyResources } = (await import(SECRET)) as Readonly<
  Record<'codeKeyReference' | 'codeKeyResources', Resolve>
>;

const variables = (stage: string, isLocal: boolean) => {
  const known: Readonly<Record<string, unknown>> = {
    'self:custom.settings': { isLocal },
    'self:service': 'service',
    'sls:stage': stage,
  };
  return { resolveVariable: async (name: string) => known[name] };
};

test('outside local stages Secrets Manager makes the secret, and the template holds a reference to it', async () => {
  expect(await codeKeyResources(variables('prod', false))).toEqual({
    Resources: {
      FunctionsAndEventsCodeKey: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: {
          Name: 'service-prod-functions-and-events-code-key',
          Description: expect.any(String),
          GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
        },
      },
    },
  });
  const reference = '{{resolve:secretsmanager:${FunctionsAndEventsCodeKey}}}';
  expect(await codeKeyReference(variables('prod', false))).toEqual({ 'Fn::Sub': reference });
});

test('local stages have none', async () => {
  expect(await codeKeyResources(variables('local', true))).toEqual({ Resources: {} });
  expect(await codeKeyReference(variables('local', true))).toBe('');
});

test('the key is 32 bytes, of the secret, and locally of the token of the stack: another stack has another', () => {
  const local = (token: string) =>
    Buffer.from(codeKey({ STAGE: 'local', ADMIN_TOKEN: token, CODE_KEY: '' })).toString('hex');
  expect(local('a')).toMatch(/^[0-9a-f]{64}$/);
  expect(local('a')).toBe(local('a'));
  expect(local('a')).not.toBe(local('b'));
  const prod = Buffer.from(codeKey({ STAGE: 'prod', ADMIN_TOKEN: '', CODE_KEY: 'secret' })).toString('hex');
  expect(prod).toMatch(/^[0-9a-f]{64}$/);
});

test('without a secret there is no key: a default would be known to everybody', () => {
  expect(() => codeKey({ STAGE: 'prod', CODE_KEY: '' })).toThrow('Expected CODE_KEY to be set');
  expect(() => codeKey({ STAGE: 'local', CODE_KEY: 'x' })).toThrow('Expected ADMIN_TOKEN to be set');
  expect(() => codeKey({ STAGE: 'prod', CODE_KEY: '{{resolve:secretsmanager:x}}' })).toThrow('to be resolved');
});
