import { errorName, requiredText, type ResourceType } from './type.ts';

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbus.html */
export const EVENT_BUS: ResourceType = {
  handled: ['Name'],
  withoutMeaning: { Description: 'nothing shows it', Tags: 'nothing reads them' },
  make: async (wanted, { events, place }) => {
    const { CreateEventBusCommand } = await import('@aws-sdk/client-eventbridge');
    const client = await events();
    const name = requiredText(wanted, 'Name');
    try {
      await client.send(new CreateEventBusCommand({ Name: name }));
    } catch (error) {
      if (errorName(error) !== 'ResourceAlreadyExistsException') throw error;
    }
    const arn = `arn:aws:events:${place.region}:${place.accountId}:event-bus/${name}`;
    return { ref: name, attributes: { Arn: arn, Name: name } };
  },
};
