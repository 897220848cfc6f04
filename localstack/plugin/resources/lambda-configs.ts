import { StackError } from '../errors.ts';
import { isObject, type JsonObject } from '../template.ts';
import { errorName, optionalText, requiredText, type ResourceType, type Wanted } from './type.ts';

const LATEST = '$LATEST';

/** There is one version of each function here. */
const checkQualifier = ({ where, properties }: Wanted): void => {
  const qualifier = optionalText(properties, 'Qualifier') ?? LATEST;
  if (qualifier !== LATEST)
    throw new StackError(`${where}: expected 'Qualifier' to be ${LATEST}, the only version here, got '${qualifier}'.`);
};

const numberIn = (properties: JsonObject, name: string): Readonly<Record<string, number>> => {
  const value = properties[name];
  return value === undefined ? {} : { [name]: Number(value) };
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventinvokeconfig.html */
export const EVENT_INVOKE_CONFIG: ResourceType = {
  handled: ['FunctionName', 'Qualifier', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds', 'DestinationConfig'],
  make: async (wanted, { lambda }) => {
    const { PutFunctionEventInvokeConfigCommand } = await import('@aws-sdk/client-lambda');
    checkQualifier(wanted);
    const { properties } = wanted;
    const FunctionName = requiredText(wanted, 'FunctionName');
    const { DestinationConfig } = properties;
    const client = await lambda();
    await client.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName,
        ...numberIn(properties, 'MaximumRetryAttempts'),
        ...numberIn(properties, 'MaximumEventAgeInSeconds'),
        ...(isObject(DestinationConfig) ? { DestinationConfig } : {}),
      }),
    );
    return { ref: `${FunctionName}|${LATEST}`, attributes: {} };
  },
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-url.html */
export const FUNCTION_URL: ResourceType = {
  handled: ['TargetFunctionArn', 'Qualifier', 'AuthType', 'InvokeMode', 'Cors'],
  make: async (wanted, { lambda }) => {
    const { CreateFunctionUrlConfigCommand, UpdateFunctionUrlConfigCommand } = await import('@aws-sdk/client-lambda');
    checkQualifier(wanted);
    const { InvokeMode, Cors } = wanted.properties;
    const FunctionName = requiredText(wanted, 'TargetFunctionArn');
    const AuthType = requiredText(wanted, 'AuthType');
    if (AuthType !== 'NONE' && AuthType !== 'AWS_IAM')
      throw new StackError(`${wanted.where}: expected 'AuthType' to be NONE or AWS_IAM, got '${AuthType}'.`);
    if (InvokeMode !== undefined && InvokeMode !== 'BUFFERED')
      throw new StackError(`${wanted.where}: expected 'InvokeMode' to be BUFFERED, got ${JSON.stringify(InvokeMode)}.`);
    if (Cors !== undefined) throw new StackError(`${wanted.where}: 'Cors' is not carried out here.`);
    const client = await lambda();
    const input = { FunctionName, AuthType } as const;
    const made = await client.send(new CreateFunctionUrlConfigCommand(input)).catch((error: unknown) => {
      if (errorName(error) !== 'ResourceConflictException') throw error;
      return client.send(new UpdateFunctionUrlConfigCommand(input));
    });
    return { ref: FunctionName, attributes: { FunctionArn: FunctionName, FunctionUrl: made.FunctionUrl ?? '' } };
  },
};
