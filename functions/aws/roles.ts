import { readingStatement, statementsOf, type Permissions } from './permissions.ts';
import { getAtt, sourcesByFunction, type JsonObject, type Resource, type Resources } from './template.ts';

/** A function, by what its resources are called in the template. */
export interface RoleOwner {
  /** Its key in the service, for errors. */
  readonly key: string;
  readonly roleId: string;
  readonly functionId: string;
  readonly logGroupId: string;
  readonly permissions: Permissions;
}

const policyDocument = (statements: readonly JsonObject[]): JsonObject => ({
  Version: '2012-10-17',
  Statement: statements,
});

const ASSUMED_BY_LAMBDA = policyDocument([
  { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
]);

/** The ARN of a log group ends in `:*`, the form that stands for its streams: none needs to be written. */
const logging = (logGroupId: string): JsonObject => ({
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  Resource: getAtt(logGroupId, 'Arn'),
});

/**
 * A role for each function: it writes its own log, reads its own event sources, and does what its `permissions` name.
 *
 * @throws {@link InvalidArgumentError} that names the function, when they name what there is not.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
 */
export const rolesOf = (owners: readonly RoleOwner[], resources: Resources): Resources => {
  const sources = sourcesByFunction(resources);
  const roleOf = ({ key, functionId, logGroupId, permissions }: RoleOwner): Resource => ({
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: ASSUMED_BY_LAMBDA,
      Policies: [
        {
          PolicyName: 'own',
          PolicyDocument: policyDocument([
            logging(logGroupId),
            ...[...(sources.get(functionId) ?? [])].map((id) => readingStatement(`functions.${key}`, id, resources)),
            ...statementsOf(`functions.${key}.permissions`, permissions, resources),
          ]),
        },
      ],
    },
  });
  return Object.fromEntries(owners.map((owner) => [owner.roleId, roleOf(owner)]));
};
