import type { Api } from '#http/api';
import { workQueueApi } from './batch/work-queue/api.ts';
import { ownershipApi } from './serving/ownership-election/api.ts';

/** The APIs of all patterns, in the order of the book. A new pattern is added here. */
export const catalogue: readonly Api[] = Object.freeze([ownershipApi, workQueueApi]);
