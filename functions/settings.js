import { readSettings } from './settings.ts';

/**
 * `${file(./functions/settings.js)}` in serverless.yml. The framework prints the stack of what is thrown here: a bad
 * setting is the reader's to mend, so its stack is its message.
 */
const resolveSettings = async ({ resolveVariable }) => {
  const target = { service: await resolveVariable('self:service'), stage: await resolveVariable('sls:stage') };
  try {
    return readSettings(process.env, target);
  } catch (error) {
    error.stack = `\n${error.message}`;
    throw error;
  }
};

// The framework loads this file with require().
export { resolveSettings as 'module.exports' };
