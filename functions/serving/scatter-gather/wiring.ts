import { documentSearch } from '#serving/scatter-gather/documents/document-search';
import { functionLeaf } from '#serving/scatter-gather/documents/function-leaf';
import { indexReader, indexStore } from '#serving/scatter-gather/documents/index-store';
import { indexer } from '#serving/scatter-gather/documents/indexer';
import { leafName } from '#serving/scatter-gather/documents/leaf-of';
import { leafSearch } from '#serving/scatter-gather/documents/leaf-search';
import { awsInvoker } from '#primitives/aws/invoker';
import { awsObjects } from '#primitives/aws/objects';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { retryBudget } from '#resilience/retry-budget';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { scatterGatherHandlers } from './handlers.ts';

const DEFAULT_LEAVES = 4;
/** The longest that a search may ask for; the function's own time is longer. */
const MAX_DEADLINE_MS = 8_000;
/** What was indexed is found a second later; a root looks for new versions so often. */
const REFRESH_MS = 1_000;
/** Two extra calls for what is slower than 95 of 100: 5 % and 5 % of that. A cap of exactly 5 % would undo the gain. */
const HEDGE = { quantile: 0.95, minDelayMs: 5, sampleCount: 100 };
const RETRY_COUNT = 2;
const BUDGET = { ratio: 0.055, burstCount: 100, initialCount: 10 };
/** Some 60 MB in memory as a leaf holds them, when they are like the glosses of a dictionary. */
const MAX_DOCUMENTS_A_LEAF = 50_000;

const leafCountOf = (env: Environment): number => integerVariable(env, 'LEAF_COUNT', DEFAULT_LEAVES);

const store = (env: Environment) => {
  const { random } = shellServices(env);
  return indexStore({
    objects: awsObjects({ name: variable(env, 'INDEX_BUCKET') }),
    table: awsTable({ name: variable(env, 'HEADS_TABLE') }),
    random,
    leafCount: leafCountOf(env),
  });
};

/** What answers HTTP: the root. */
export const wireHandlers = (env: Environment) => {
  const { clock, random, log } = shellServices(env);
  const leafCount = leafCountOf(env);
  const invoker = awsInvoker();
  const prefix = variable(env, 'LEAF_FUNCTION_PREFIX');
  const leaves = Array.from({ length: leafCount }, (_, leaf) => {
    const call = functionLeaf({ name: leafName(leaf), functionName: `${prefix}${leaf}`, invoker, clock, random });
    // Another invocation while one is running is another instance: Lambda's own replicas.
    return { name: leafName(leaf), replicas: [call] };
  });
  const search = documentSearch({
    leaves,
    store: store(env),
    clock,
    log,
    refreshMs: REFRESH_MS,
    deadlineMs: MAX_DEADLINE_MS,
    quorum: 1,
    retryCount: RETRY_COUNT,
    budget: retryBudget(BUDGET),
    hedge: HEDGE,
  });
  return scatterGatherHandlers({
    search,
    documents: awsQueue({ url: variable(env, 'DOCUMENTS_QUEUE_URL') }),
    leafCount,
  });
};

/** A leaf. It has the bucket only: its root says which index counts. */
export const wireLeaf = (env: Environment) => {
  const { clock } = shellServices(env);
  const objects = awsObjects({ name: variable(env, 'INDEX_BUCKET') });
  return leafSearch({ leaf: integerVariable(env, 'LEAF', 0), store: indexReader(objects), clock, heldCount: 2 });
};

/** What writes the indexes. */
export const wireIndexer = (env: Environment) => {
  const { clock, random, log } = shellServices(env);
  return indexer({
    store: store(env),
    deadLetters: awsQueue({ url: variable(env, 'DEAD_LETTERS_QUEUE_URL') }),
    clock,
    random,
    log,
    maxDocumentCount: MAX_DOCUMENTS_A_LEAF,
  });
};
