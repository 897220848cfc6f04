import { notificationsOf } from './bucket-notifications.ts';
import { errorName, optionalText, type ResourceType } from './type.ts';

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html */
export const BUCKET: ResourceType = {
  handled: ['BucketName', 'NotificationConfiguration'],
  withoutMeaning: {
    BucketEncryption: 'buckets on one machine are not encrypted',
    PublicAccessBlockConfiguration: 'nothing outside this machine reaches the bucket',
    OwnershipControls: 'there is one account',
    LifecycleConfiguration: 'objects stay until the stack ends',
    Tags: 'nothing reads them',
  },
  make: async (wanted, { s3 }) => {
    const { CreateBucketCommand, HeadBucketCommand, PutBucketNotificationConfigurationCommand } =
      await import('@aws-sdk/client-s3');
    const client = await s3();
    const name = optionalText(wanted.properties, 'BucketName') ?? wanted.defaultName;
    const { NotificationConfiguration } = wanted.properties;
    let isNew = false;
    try {
      await client.send(new HeadBucketCommand({ Bucket: name }));
    } catch (error) {
      if (!/NotFound|NoSuchBucket/.test(errorName(error))) throw error;
      await client.send(new CreateBucketCommand({ Bucket: name }));
      isNew = true;
    }
    // A bucket that was there may tell somebody who is to be told no more.
    if (!isNew || NotificationConfiguration !== undefined)
      await client.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket: name,
          NotificationConfiguration: notificationsOf(
            NotificationConfiguration ?? {},
            `${wanted.where}.NotificationConfiguration`,
          ),
        }),
      );
    return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } };
  },
};
