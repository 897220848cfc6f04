const ID = 'FunctionsAndEventsCodeKey';
/** 62 letters and digits: 64 of them are 381 bits. */
const CHARACTER_COUNT = 64;

const isLocal = async (resolveVariable) => (await resolveVariable('self:custom.settings')).isLocal;

/** The secret of the code's key, outside local stages: made by Secrets Manager, never seen in the template. */
export const codeKeyResources = async ({ resolveVariable }) => {
  if (await isLocal(resolveVariable)) return { Resources: {} };
  const name = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}-functions-and-events-code-key`;
  return {
    Resources: {
      [ID]: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: {
          Name: name,
          Description: 'Key of the hashes of two-factor codes',
          GenerateSecretString: { PasswordLength: CHARACTER_COUNT, ExcludePunctuation: true },
        },
      },
    },
  };
};

/** What the functions get: a reference, which the deployment resolves; nothing in local stages. */
export const codeKeyReference = async ({ resolveVariable }) =>
  (await isLocal(resolveVariable)) ? '' : { 'Fn::Sub': `{{resolve:secretsmanager:\${${ID}}}}` };
