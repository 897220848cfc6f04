/** The ports on SQS, DynamoDB, EventBridge, S3 and Lambda. */
export { awsBus, type AwsBusOptions } from './bus.ts';
export { awsClients, type AwsClients } from './clients.ts';
export { awsConcurrencyLimit, type AwsConcurrencyLimitOptions } from './concurrency-limit.ts';
export { awsInvoker, type AwsInvokerOptions } from './invoker.ts';
export { awsObjects, type AwsObjectsOptions } from './objects.ts';
export { awsQueue, type AwsQueueOptions } from './queue.ts';
export { awsTable, type AwsTableOptions } from './table.ts';
export { awsTableAttributes, type AwsTableAttributes } from './table-attributes.ts';
