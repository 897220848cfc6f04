import { ACCOUNT_ID, REGION } from '../plugin/account.ts';
import { SERVICE } from '../stage.ts';
import type { CloudFormation, StackResource } from './cloudformation.ts';
import type { Deployment } from './deployment-file.ts';
import { emptyBuckets, removeLogGroups } from './leftovers.ts';

/** The name that the framework gives to the stack of a stage. */
export const stackName = (stage: string): string => `${SERVICE}-${stage}`;

/** The bucket of the framework, for packages. */
const DEPLOYMENT_BUCKET = 'ServerlessDeploymentBucket';

const idsOf = (resources: readonly StackResource[], type: string): readonly string[] =>
  resources.filter((resource) => resource.type === type && resource.physicalId !== '').map((each) => each.physicalId);

const byName = <T>(names: readonly string[], value: (name: string) => T): Readonly<Record<string, T>> =>
  Object.fromEntries(names.map((name) => [name, value(name)]));

/**
 * What a client needs to know of the stack that was deployed: every address is at `endpoint`, also where the emulator
 * tells names that only some machines resolve (`sqs.us-east-1.localhost`).
 */
export const describeDeployment = (options: {
  readonly endpoint: string;
  readonly stage: string;
  readonly adminToken: string;
  readonly resources: readonly StackResource[];
}): Deployment => {
  const { endpoint, stage, resources } = options;
  const [api] = idsOf(resources, 'AWS::ApiGateway::RestApi');
  if (api === undefined) throw new Error(`Expected stack ${stackName(stage)} to have an API, found none.`);
  const queues = idsOf(resources, 'AWS::SQS::Queue').map((url) => `${endpoint}${new URL(url).pathname}`);
  const buckets = resources.filter(({ logicalId }) => logicalId !== DEPLOYMENT_BUCKET);
  return Object.freeze({
    apiUrl: `${endpoint}/restapis/${api}/${stage}/_user_request_`,
    awsEndpointUrl: endpoint,
    pid: null,
    functionHostPid: null,
    stage,
    adminToken: options.adminToken,
    region: REGION,
    queues: Object.fromEntries(queues.map((url) => [url.slice(url.lastIndexOf('/') + 1), url])),
    tables: byName(idsOf(resources, 'AWS::DynamoDB::Table'), (name) => name),
    buses: byName(
      idsOf(resources, 'AWS::Events::EventBus'),
      (name) => `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/${name}`,
    ),
    buckets: byName(idsOf(buckets, 'AWS::S3::Bucket'), (name) => name),
    functions: idsOf(resources, 'AWS::Lambda::Function'),
  });
};

/** Removes the stack of a stage with all that it stored, and what functions wrote after it was gone. */
export const removeStack = async (endpoint: string, stack: string, formation: CloudFormation): Promise<void> => {
  const resources = await formation.resources(stack);
  await emptyBuckets(endpoint, idsOf(resources, 'AWS::S3::Bucket'));
  await formation.remove(stack);
  const functions = idsOf(resources, 'AWS::Lambda::Function').map((name) => `/aws/lambda/${name}`);
  await removeLogGroups(endpoint, [...new Set([...functions, ...idsOf(resources, 'AWS::Logs::LogGroup')])]);
};
