import type { Demo } from './demo.ts';
import { workQueueDemo } from './batch/work-queue/demo.ts';
import { ownershipDemo } from './serving/ownership-election/demo.ts';

/** Every pattern's demo, in the order of the book. */
export const DEMOS: readonly Demo[] = [ownershipDemo, workQueueDemo];
