import { errorName, optionalText, type ResourceType } from './type.ts';

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html */
export const BUCKET: ResourceType = {
  handled: ['BucketName'],
  withoutMeaning: {
    BucketEncryption: 'buckets on one machine are not encrypted',
    PublicAccessBlockConfiguration: 'nothing outside this machine reaches the bucket',
    OwnershipControls: 'there is one account',
    LifecycleConfiguration: 'objects stay until the stack ends',
    Tags: 'nothing reads them',
  },
  make: async (wanted, { s3 }) => {
    const { CreateBucketCommand, HeadBucketCommand } = await import('@aws-sdk/client-s3');
    const client = await s3();
    const name = optionalText(wanted.properties, 'BucketName') ?? wanted.defaultName;
    try {
      await client.send(new HeadBucketCommand({ Bucket: name }));
    } catch (error) {
      if (!/NotFound|NoSuchBucket/.test(errorName(error))) throw error;
      await client.send(new CreateBucketCommand({ Bucket: name }));
    }
    return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } };
  },
};
