import { alarmsOf } from '../../../functions/aws/alarms.ts';
import type { Resource, Resources } from '../../../functions/aws/template.ts';

const queue = (QueueName: string, properties: Resource['Properties'] = {}): Resource => ({
  Type: 'AWS::SQS::Queue',
  Properties: { QueueName, ...properties },
});
const to = (id: string) => ({
  RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [id, 'Arn'] }, maxReceiveCount: 3 },
});

const resources: Resources = {
  Items: queue('items', to('Undeliverable')),
  Undeliverable: queue('undeliverable', to('Dead')),
  Dead: queue('dead', { MessageRetentionPeriod: 1_209_600 }),
  Bury: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 'bury' } },
  Mapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: {
      FunctionName: { 'Fn::GetAtt': ['Bury', 'Arn'] },
      EventSourceArn: { 'Fn::GetAtt': ['Undeliverable', 'Arn'] },
    },
  },
};
const alarms = (email = '') => alarmsOf(resources, { prefix: 's-prod', email });

describe('alarms', () => {
  test('a queue whose messages go nowhere else has one for depth and one for age, a working queue none', () => {
    expect(Object.keys(alarms())).toEqual([
      'AlarmsTopic',
      'UndeliverableDepthAlarm',
      'DeadDepthAlarm',
      'DeadAgeAlarm',
      'BuryFailedAlarm',
    ]);
  });

  test('of dead letters that stay the first is told, and the first that is half as old as SQS lets it get', () => {
    expect(alarms()).toMatchObject({
      DeadDepthAlarm: { Properties: { Threshold: 0, EvaluationPeriods: 1, Statistic: 'Maximum', Period: 300 } },
      DeadAgeAlarm: { Properties: { Threshold: 604_800, AlarmDescription: expect.stringContaining('in 7 days') } },
    });
  });

  test('of a queue that a function empties it is told when it has not for a quarter of an hour', () => {
    const { UndeliverableDepthAlarm: alarm } = alarms();
    expect(alarm?.Properties).toMatchObject({ EvaluationPeriods: 3, Period: 300 });
  });

  test('without an address nobody is subscribed', () => {
    const isSubscription = ({ Type }: Resource) => Type === 'AWS::SNS::Subscription';
    expect(Object.values(alarms()).filter(isSubscription)).toHaveLength(0);
    expect(Object.values(alarms('ops@example.org')).filter(isSubscription)).toHaveLength(1);
  });

  test('a queue without a name is an error that names it', () => {
    const nameless = { ...resources, Dead: { Type: 'AWS::SQS::Queue' } };
    expect(() => alarmsOf(nameless, { prefix: 's-prod', email: '' })).toThrow("Resources.Dead: expected 'QueueName'");
  });
});
