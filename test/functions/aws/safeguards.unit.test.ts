import { safeguards } from '../../../functions/aws/safeguards.ts';
import type { Resources } from '../../../functions/aws/template.ts';

const resources: Resources = {
  Table: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 't' } },
  Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'b' } },
  Queue: { Type: 'AWS::SQS::Queue', Properties: { SqsManagedSseEnabled: false, KmsMasterKeyId: 'alias/own' } },
  ServerlessDeploymentBucket: { Type: 'AWS::S3::Bucket' },
  Function: { Type: 'AWS::Lambda::Function' },
};

describe('safeguards', () => {
  test('data stays when its stack goes, or goes with it when that was asked for', () => {
    for (const [retainsData, policy] of [
      [true, 'Retain'],
      [false, 'Delete'],
    ] as const) {
      const { Table, Bucket } = safeguards(resources, { retainsData });
      expect(Table).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
      expect(Bucket).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
    }
  });

  test('what the template says itself is left as it is', () => {
    const own: Resources = {
      Queue: resources['Queue'] ?? { Type: '' },
      Table: { Type: 'AWS::DynamoDB::Table', DeletionPolicy: 'Delete' },
    };
    const { Queue, Table } = safeguards(own, { retainsData: true });
    expect(Queue).toEqual(own['Queue']);
    expect(Table).toMatchObject({ DeletionPolicy: 'Delete' });
  });

  test("the framework's own bucket and other types are left alone", () => {
    expect(Object.keys(safeguards(resources, { retainsData: true })).toSorted()).toEqual([
      'Bucket',
      'BucketPolicy',
      'Queue',
      'Table',
    ]);
  });
});
