import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { bodyOf, conflict, lambdaJson, noContent, notFound, type FunctionRoute } from './lambda-refusal.ts';
import { parse } from './refusal.ts';

const text = v.optional(v.string());
const permissionSchema = v.looseObject({
  StatementId: v.pipe(v.string(), v.regex(/^[\w-]{1,100}$/)),
  Action: v.pipe(v.string(), v.regex(/^(?:lambda:[*]|lambda:[a-zA-Z]+|[*])$/)),
  Principal: v.string(),
  SourceArn: text,
  SourceAccount: text,
  FunctionUrlAuthType: v.optional(v.picklist(['NONE', 'AWS_IAM'])),
});
type Statement = Readonly<Record<string, unknown>>;

const ACTION = /^policy(?:\/([^/]+))?$/;
const MAX_STATEMENTS = 100;

const principalOf = (given: string): unknown =>
  given === '*' ? given : /^\d{12}$/.test(given) ? { AWS: `arn:aws:iam::${given}:root` } : { Service: given };

const statementOf = (given: v.InferOutput<typeof permissionSchema>, resource: string): Statement => {
  const { SourceArn, SourceAccount, FunctionUrlAuthType } = given;
  const conditions = {
    ...(SourceArn === undefined ? {} : { ArnLike: { 'AWS:SourceArn': SourceArn } }),
    ...(SourceAccount === undefined && FunctionUrlAuthType === undefined
      ? {}
      : {
          StringEquals: {
            ...(SourceAccount === undefined ? {} : { 'AWS:SourceAccount': SourceAccount }),
            ...(FunctionUrlAuthType === undefined ? {} : { 'lambda:FunctionUrlAuthType': FunctionUrlAuthType }),
          },
        }),
  };
  return {
    Sid: given.StatementId,
    Effect: 'Allow',
    Principal: principalOf(given.Principal),
    Action: given.Action,
    Resource: resource,
    ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
  };
};

/**
 * AddPermission, RemovePermission, GetPolicy: the policies of functions are kept and shown. Nothing here checks them:
 * whoever reaches the endpoint may call every function.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
 */
export const functionPolicies = (arnOf: (functionName: string) => string): FunctionRoute => {
  const policies = new Map<string, Map<string, Statement>>();
  const missing = () => notFound('The resource you requested does not exist.');
  return (action, call, { name }) => {
    const [matched, sid] = ACTION.exec(action) ?? [];
    if (matched === undefined) return undefined;
    const statements = policies.get(name) ?? new Map<string, Statement>();
    if (sid === undefined && call.method === 'POST') {
      const given = parse(permissionSchema, bodyOf(call));
      if (statements.has(given.StatementId))
        throw conflict(`The statement id (${given.StatementId}) provided already exists.`);
      if (statements.size >= MAX_STATEMENTS) throw conflict(`A policy has at most ${MAX_STATEMENTS} statements.`);
      const statement = statementOf(given, arnOf(name));
      policies.set(name, statements.set(given.StatementId, statement));
      return lambdaJson(201, { Statement: JSON.stringify(statement) });
    }
    if (sid === undefined && call.method === 'GET') {
      if (statements.size === 0) throw missing();
      const policy = { Version: '2012-10-17', Id: 'default', Statement: [...statements.values()] };
      return lambdaJson(200, { Policy: JSON.stringify(policy), RevisionId: randomUUID() });
    }
    if (sid === undefined || call.method !== 'DELETE') return undefined;
    if (!statements.delete(sid)) throw missing();
    return noContent;
  };
};
