/** Each leaf is a function of its own: its instances hold its index and no other, and it can be watched, and broken, alone. */
const LEAF_MEMORY_MB = 512;
const LEAF_TIMEOUT_S = 10;

/**
 * On one machine each instance is a thread that takes a core for a third of a second to start. A search that gives up
 * leaves its instances starting, and the next one would start as many again: more and more, and none in time. So a leaf
 * has few there, and calls wait for one of them. On AWS reserving would take from what the account has.
 */
const LOCAL_INSTANCES = 3;

const leafNumbers = async (resolveVariable) => {
  const { scatterGatherLeaves } = await resolveVariable('self:custom.settings');
  return Array.from({ length: scatterGatherLeaves }, (_, leaf) => leaf);
};

/** The functions of the leaves, for serverless.yml. */
export const leafFunctions = async ({ resolveVariable }) => {
  const name = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}-scatter-gather-leaf`;
  const { isLocal } = await resolveVariable('self:custom.settings');
  const entries = (await leafNumbers(resolveVariable)).map((leaf) => [
    `scatterGatherLeaf${leaf}`,
    {
      name: `${name}-${leaf}`,
      handler: 'functions/serving/scatter-gather/leaf.handler',
      memorySize: LEAF_MEMORY_MB,
      timeout: LEAF_TIMEOUT_S,
      environment: { LEAF: String(leaf), INDEX_BUCKET: { Ref: 'ScatterGatherIndexBucket' } },
      permissions: { ScatterGatherIndexBucket: ['GetObject'] },
      ...(isLocal ? { reservedConcurrency: LOCAL_INSTANCES } : {}),
    },
  ]);
  return Object.fromEntries(entries);
};

/** What the root may do: call each leaf, besides what it does itself. */
export const rootPermissions = async ({ resolveVariable }) => {
  const invoked = (await leafNumbers(resolveVariable)).map((leaf) => [
    `ScatterGatherLeaf${leaf}LambdaFunction`,
    ['InvokeFunction'],
  ]);
  return {
    IdempotencyTable: await resolveVariable('self:custom.permissions.idempotency'),
    ScatterGatherHeadsTable: ['Query'],
    // Without ListBucket S3 says 403 of an object that is not there, not 404.
    ScatterGatherIndexBucket: ['ListBucket', 'GetObject'],
    ScatterGatherDocumentsQueue: ['SendMessage'],
    ...Object.fromEntries(invoked),
  };
};
