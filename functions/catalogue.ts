import type { Api } from '#http/api';
import { eventDrivenApi } from './batch/event-driven/api.ts';
import { coordinatedApi } from './batch/coordinated/api.ts';
import { workQueueApi } from './batch/work-queue/api.ts';
import { functionsAndEventsApi } from './serving/functions-and-events/api.ts';
import { ownershipApi } from './serving/ownership-election/api.ts';
import { replicatedApi } from './serving/replicated/api.ts';
import { scatterGatherApi } from './serving/scatter-gather/api.ts';
import { shardedApi } from './serving/sharded/api.ts';
import { adapterApi } from './single-node/adapter/api.ts';
import { ambassadorApi } from './single-node/ambassador/api.ts';
import { sidecarApi } from './single-node/sidecar/api.ts';

/** The APIs of all patterns, in the order of the book. A new pattern is added here. */
export const catalogue: readonly Api[] = Object.freeze([
  sidecarApi,
  ambassadorApi,
  adapterApi,
  replicatedApi,
  shardedApi,
  scatterGatherApi,
  functionsAndEventsApi,
  ownershipApi,
  workQueueApi,
  eventDrivenApi,
  coordinatedApi,
]);
