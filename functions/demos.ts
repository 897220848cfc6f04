import type { Demo } from './demo.ts';
import { eventDrivenDemo } from './batch/event-driven/demo.ts';
import { coordinatedDemo } from './batch/coordinated/demo.ts';
import { workQueueDemo } from './batch/work-queue/demo.ts';
import { functionsAndEventsDemo } from './serving/functions-and-events/demo.ts';
import { ownershipDemo } from './serving/ownership-election/demo.ts';
import { replicatedDemo } from './serving/replicated/demo.ts';
import { scatterGatherDemo } from './serving/scatter-gather/demo.ts';
import { shardedDemo } from './serving/sharded/demo.ts';
import { adapterDemo } from './single-node/adapter/demo.ts';
import { ambassadorDemo } from './single-node/ambassador/demo.ts';
import { sidecarDemo } from './single-node/sidecar/demo.ts';

/** Every pattern's demo, in the order of the book. */
export const DEMOS: readonly Demo[] = [
  sidecarDemo,
  ambassadorDemo,
  adapterDemo,
  replicatedDemo,
  shardedDemo,
  scatterGatherDemo,
  functionsAndEventsDemo,
  ownershipDemo,
  workQueueDemo,
  eventDrivenDemo,
  coordinatedDemo,
];
