/** The account that the emulators of AWS share. */
export const ACCOUNT_ID = '000000000000';
export const REGION = 'us-east-1';

/** Dummies: nothing here looks at them, and nothing here may reach a real account. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
};
/** Would lead a client past the dummies. */
const OTHER_CREDENTIALS = ['AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'];

/** Makes the dummies the only credentials that this process, its functions and its children can find. */
export const useDummyCredentials = (environment: NodeJS.ProcessEnv): void => {
  Object.assign(environment, CREDENTIALS);
  for (const name of OTHER_CREDENTIALS) delete environment[name];
};
