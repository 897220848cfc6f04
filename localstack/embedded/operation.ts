import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, jsonOf, type Call, type Operation, type Service } from './call.ts';

/** What comes before the dot in `x-amz-target`. */
const TARGETS: Readonly<Record<string, Service>> = Object.freeze({
  AmazonSQS: 'sqs',
  DynamoDB_20120810: 'dynamodb',
  DynamoDBStreams_20120810: 'dynamodbstreams',
  AWSEvents: 'events',
});

export const LAMBDA_MAPPINGS_PATH = '/2015-03-31/event-source-mappings';

/** Each operation of Lambda has a date of its own. */
const LAMBDA_PATH = /^\/\d{4}-\d{2}-\d{2}\/(?:functions|event-source-mappings|account-settings)(?:\/|$)/;
const LAMBDA_VERBS: Readonly<Record<string, string>> = { PUT: 'Put', POST: 'Update', GET: 'Get', DELETE: 'Delete' };
/** What is below `functions/<name>/`, by the name that operations on it end with. */
const LAMBDA_SUBJECTS: Readonly<Record<string, string>> = {
  concurrency: 'FunctionConcurrency',
  'event-invoke-config': 'FunctionEventInvokeConfig',
  policy: 'Policy',
  url: 'FunctionUrlConfig',
  urls: 'FunctionUrlConfigs',
};

/** Its paths might be buckets: the signature names the service. */
const isScheduler = ({ headers }: Call): boolean => headers.authorization?.includes('/scheduler/aws4_request') === true;

const SCHEDULER_VERBS: Readonly<Record<string, string>> = {
  POST: 'CreateSchedule',
  GET: 'GetSchedule',
  PUT: 'UpdateSchedule',
  DELETE: 'DeleteSchedule',
};

const schedulerName = (method: string, path: string): string =>
  path === '/schedules' ? 'ListSchedules' : (SCHEDULER_VERBS[method] ?? 'Unknown');

const lambdaName = (method: string, path: string): string => {
  if (path.startsWith(LAMBDA_MAPPINGS_PATH)) return 'EventSourceMapping';
  if (path.endsWith('/invocations')) return 'Invoke';
  if (path.endsWith('/configuration')) return 'GetFunctionConfiguration';
  if (path.includes('/account-settings')) return 'GetAccountSettings';
  if (/\/functions\/?$/.test(path)) return 'ListFunctions';
  const subject = LAMBDA_SUBJECTS[path.split('/')[4] ?? ''];
  if (subject !== undefined) return `${LAMBDA_VERBS[method] ?? 'Unknown'}${subject}`;
  return method === 'GET' ? 'GetFunction' : 'Unknown';
};

/** The bucket and the key that a call of S3 is about, by path or by host (`bucket.localhost`); as they were sent. */
export const objectOf = (
  url: string,
  headers: IncomingHttpHeaders,
): { readonly bucket: string; readonly key: string } => {
  const hostname = (headers.host ?? '').replace(/:\d+$/, '');
  const path = url.split('?', 1)[0] ?? '/';
  const hosted = hostname.endsWith('.localhost') ? hostname.slice(0, hostname.indexOf('.')) : undefined;
  const [bucket = '', ...rest] = (hosted === undefined ? path : `/${hosted}${path}`).slice(1).split('/');
  return { bucket, key: rest.join('/') };
};

const S3_OBJECT: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
  HEAD: 'HeadObject',
};
const S3_BUCKET: Readonly<Record<string, string>> = { PUT: 'CreateBucket', DELETE: 'DeleteBucket', HEAD: 'HeadBucket' };

const s3Name = (method: string, url: string, headers: IncomingHttpHeaders): string => {
  const { bucket, key } = objectOf(url, headers);
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  if (bucket === '') return 'ListBuckets';
  if (query.has('lifecycle')) return 'BucketLifecycle';
  if (query.has('notification') && key === '' && (method === 'GET' || method === 'PUT'))
    return `${method === 'GET' ? 'Get' : 'Put'}BucketNotificationConfiguration`;
  if (key === '') {
    if (method === 'GET') return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    if (method === 'POST') return query.has('delete') ? 'DeleteObjects' : 'PostObject';
    return S3_BUCKET[method] ?? 'Unknown';
  }
  if (query.has('uploads')) return 'CreateMultipartUpload';
  if (query.has('uploadId'))
    return method === 'PUT' ? 'UploadPart' : method === 'POST' ? 'CompleteMultipartUpload' : 'AbortMultipartUpload';
  if (method === 'PUT' && headers['x-amz-copy-source'] !== undefined) return 'CopyObject';
  return S3_OBJECT[method] ?? 'Unknown';
};

/** Which operation of which service a call is. What names no service is S3, whose names are paths. */
export const operationOf = (call: Call): Operation => {
  const target = call.headers['x-amz-target'];
  if (typeof target === 'string') {
    const dot = target.indexOf('.');
    const service = TARGETS[target.slice(0, dot)];
    if (service !== undefined) return { service, name: target.slice(dot + 1) };
  }
  const path = call.url.split('?', 1)[0] ?? '/';
  if (isScheduler(call)) return { service: 'scheduler', name: schedulerName(call.method, path) };
  if (LAMBDA_PATH.test(path)) return { service: 'lambda', name: lambdaName(call.method, path) };
  if (
    call.headers['content-type']?.includes('x-www-form-urlencoded') === true &&
    call.method === 'POST' &&
    path === '/'
  ) {
    const name = new URLSearchParams(call.body.toString()).get('Action') ?? 'Unknown';
    return { service: name === 'GetCallerIdentity' ? 'sts' : 'sns', name };
  }
  return { service: 's3', name: s3Name(call.method, call.url, call.headers) };
};

/**
 * The operations that fault switches reach: those on data. What makes and describes resources is left alone, so that
 * a function host can start while faults are on.
 */
const DATA_OPERATIONS: Partial<Readonly<Record<Service, RegExp>>> = Object.freeze({
  sqs: /^(Send|Receive|Delete)Message(Batch)?$|^ChangeMessageVisibility(Batch)?$/,
  dynamodb: /^((Get|Put|Update|Delete)Item|Query|Scan|Batch(Get|Write)Item|Transact(Get|Write)Items)$/,
  events: /^PutEvents$/,
  s3: /Objects?(V2)?$|^UploadPart$/,
});

const textAt = (body: unknown, name: string): string | undefined => {
  const value = isJsonObject(body) ? body[name] : undefined;
  return typeof value === 'string' ? value : undefined;
};

const listAt = (body: unknown, name: string): readonly unknown[] => {
  const value = isJsonObject(body) ? body[name] : undefined;
  return Array.isArray(value) ? value : [];
};

/** The tables of a call of DynamoDB: one, or those of a batch or a transaction. */
const tablesOf = (body: unknown): readonly string[] => {
  const table = textAt(body, 'TableName');
  if (table !== undefined) return [table];
  const requested = isJsonObject(body) ? body['RequestItems'] : undefined;
  if (isJsonObject(requested)) return Object.keys(requested);
  return listAt(body, 'TransactItems').flatMap((item) =>
    isJsonObject(item) ? Object.values(item).flatMap((action) => textAt(action, 'TableName') ?? []) : [],
  );
};

/** A table may be named by its ARN. */
const afterSlash = (nameOrArn: string): string => nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);

/** The places (`queue/<name>`, `table/<name>`, …) at which a fault switch may hit the call. */
export const placesOf = (operation: Operation, call: Call): readonly string[] => {
  if (DATA_OPERATIONS[operation.service]?.test(operation.name) !== true) return [];
  if (operation.service === 's3') return [`bucket/${objectOf(call.url, call.headers).bucket}`];
  const body = jsonOf(call.body);
  if (operation.service === 'sqs') return [`queue/${afterSlash(textAt(body, 'QueueUrl') ?? '')}`];
  if (operation.service === 'dynamodb')
    return [...new Set(tablesOf(body))].map((table) => `table/${afterSlash(table)}`);
  const buses = listAt(body, 'Entries').map((entry) => afterSlash(textAt(entry, 'EventBusName') ?? 'default'));
  return ['bus', ...new Set(buses)].map((bus) => (bus === 'bus' ? bus : `bus/${bus}`));
};
