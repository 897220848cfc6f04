import { getAtt, ofType, type JsonObject, type Resource, type Resources } from './template.ts';

export interface SafeguardOptions {
  /** Whether tables and buckets stay, with what is in them, when the stack is removed. */
  readonly retainsData: boolean;
}

/** The framework keeps its packages there, and guards it itself. */
const DEPLOYMENT_BUCKET = 'ServerlessDeploymentBucket';

/**
 * Bucket names are unique in all of AWS: one that everybody's stack has could be made once. CloudFormation makes one of
 * the name of the stack and a random end.
 */
const withoutName = ({ BucketName: _, ...properties }: JsonObject): JsonObject => properties;

/** What each type gets beside what the template says. The template's own word goes first. */
const GUARDS: Readonly<Record<string, (properties: JsonObject) => JsonObject>> = {
  'AWS::SQS::Queue': (properties) => ({ SqsManagedSseEnabled: true, ...properties }),
  // Encrypted they are anyway, with a key that DynamoDB owns.
  'AWS::DynamoDB::Table': (properties) => ({
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    ...properties,
  }),
  'AWS::S3::Bucket': (properties) => ({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    ...withoutName(properties),
  }),
};

const HOLD_DATA = ['AWS::DynamoDB::Table', 'AWS::S3::Bucket'];

const guarded = (resource: Resource, { retainsData }: SafeguardOptions): Resource => {
  const guard = GUARDS[resource.Type];
  if (guard === undefined) return resource;
  const policy = retainsData ? 'Retain' : 'Delete';
  const kept = HOLD_DATA.includes(resource.Type) ? { DeletionPolicy: policy, UpdateReplacePolicy: policy } : {};
  return { ...kept, ...resource, Properties: guard(resource.Properties ?? {}) };
};

const overTlsOnly = (bucketId: string): Resource => ({
  Type: 'AWS::S3::BucketPolicy',
  Properties: {
    Bucket: { Ref: bucketId },
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [getAtt(bucketId, 'Arn'), { 'Fn::Sub': `\${${bucketId}.Arn}/*` }],
          Condition: { Bool: { 'aws:SecureTransport': false } },
        },
      ],
    },
  },
});

/**
 * Encryption at rest, recovery of tables to any second of the last 35 days, buckets that are never public and take TLS
 * only, and data that outlives its stack.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
 */
export const safeguards = (resources: Resources, options: SafeguardOptions): Resources => {
  const ours = Object.entries(resources).filter(([id, { Type }]) => Type in GUARDS && id !== DEPLOYMENT_BUCKET);
  const policies = ofType(Object.fromEntries(ours), 'AWS::S3::Bucket').map(([id]): [string, Resource] => [
    `${id}Policy`,
    overTlsOnly(id),
  ]);
  return Object.fromEntries([
    ...ours.map(([id, resource]): [string, Resource] => [id, guarded(resource, options)]),
    ...policies,
  ]);
};
