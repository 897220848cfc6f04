import type { RowGroup } from './row.ts';
import { cloudFormation } from './rows/cloud-formation.ts';
import { eventBridgeApi } from './rows/event-bridge-api.ts';
import { eventBridgePatterns } from './rows/event-bridge-patterns.ts';
import { eventBridgeRules } from './rows/event-bridge-rules.ts';
import { eventBridgeSchedules } from './rows/event-bridge-schedules.ts';
import { knownFaults } from './rows/known-faults.ts';
import { lambdaInvoke } from './rows/lambda-invoke.ts';
import { s3Notifications } from './rows/s3-notifications.ts';
import { snsDelivery } from './rows/sns-delivery.ts';
import { sqsAnswer } from './rows/sqs-answer.ts';
import { sqsBatch } from './rows/sqs-batch.ts';
import { sqsFifo } from './rows/sqs-fifo.ts';
import { sqsMapping } from './rows/sqs-mapping.ts';
import { streamsErrors } from './rows/streams-errors.ts';
import { streamsMapping } from './rows/streams-mapping.ts';
import { streamsOrder } from './rows/streams-order.ts';
import { timeToLive } from './rows/ttl.ts';

/** The tables of the suite, in the order in which they are published. */
export const GROUPS: readonly RowGroup[] = [
  sqsBatch,
  sqsAnswer,
  sqsFifo,
  sqsMapping,
  cloudFormation,
  knownFaults,
  streamsOrder,
  streamsErrors,
  streamsMapping,
  timeToLive,
  eventBridgeApi,
  eventBridgePatterns,
  eventBridgeRules,
  eventBridgeSchedules,
  snsDelivery,
  s3Notifications,
  lambdaInvoke,
];
