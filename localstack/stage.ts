/** The service of serverless.yml, and the stage that runs on this machine. */
export const SERVICE = 'distributed-patterns';
export const STAGE = 'local';
