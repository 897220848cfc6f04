import { AsyncLocalStorage } from 'node:async_hooks';
import { asText } from '../../localstack/plugin/resources/type.ts';
import { isObject, type JsonObject } from '../../localstack/plugin/template.ts';
import { sharedClients } from '../../lib/primitives/aws/clients.ts';
import type { Json } from '../../lib/primitives/table.ts';
import { listOf, resourcesOf, statementsIn, target, type Packaged } from './rules.ts';

/** Actions of IAM on resources of the template, e.g. `WorkQueueItemsQueue.SendMessage`. */
type Uses = ReadonlySet<string>;

/** Of an attribute, or of an ARN that ends in a reference. */
const bracedId = (text: string): string =>
  /^\$\{(\w+)\.Arn\}/.exec(text)?.[1] ?? /:event-source-mapping:\$\{(\w+)\}$/.exec(text)?.[1] ?? '';
const ownerOf = (resource: Json): string =>
  target(resource) || (isObject(resource) ? bracedId(asText(resource['Fn::Sub'] ?? '')) : '');

const actionsOf = ({ Action }: JsonObject): readonly string[] =>
  listOf(Action).map((action) => asText(action).replace(/^\w+:/, ''));

/** What Lambda does itself to read a queue; a function's own code does not. */
const READS = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'];

/** What the role of a function allows its code: without its log, and without what Lambda does to read its queue. */
export const allowedTo = (template: Packaged, functionId: string): Uses => {
  const role = bracedId(asText(roleOf(template, functionId)));
  const sources = resourcesOf(template, 'AWS::Lambda::EventSourceMapping')
    .filter(([, { FunctionName }]) => target(FunctionName) === functionId)
    .map(([, { EventSourceArn }]) => target(EventSourceArn));
  const statements = statementsIn(template.Resources[role]?.Properties ?? {}).filter(
    (statement) =>
      statement['Resource'] !== undefined &&
      !listOf(statement['Action']).some((action) => asText(action).startsWith('logs:')) &&
      !(sources.includes(ownerOf(statement['Resource'])) && actionsOf(statement).join() === READS.join()),
  );
  return new Set(
    statements.flatMap((statement) =>
      listOf(statement['Resource']).flatMap((resource) =>
        actionsOf(statement).map((action) => `${ownerOf(resource)}.${action}`),
      ),
    ),
  );
};

const roleOf = (template: Packaged, functionId: string): Json => {
  const role = template.Resources[functionId]?.Properties?.['Role'];
  return isObject(role) ? (role['Fn::Sub'] ?? '') : '';
};

type Use = readonly [resource: string, action: string];
interface Input {
  readonly TableName?: string;
  readonly QueueUrl?: string;
  readonly Bucket?: string;
  readonly Entries?: readonly { readonly EventBusName?: string }[];
  /** Of an event source mapping. */
  readonly UUID?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName: string }>>[];
}

const PARTS: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};
/** Operations whose action has another name. */
const ACTIONS: Readonly<Record<string, string>> = {
  SendMessageBatch: 'SendMessage',
  DeleteMessageBatch: 'DeleteMessage',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
  ListObjectsV2: 'ListBucket',
};

/**
 * What IAM asks for when an operation is called.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 */
const usesOf = (operation: string, input: Input): readonly Use[] => {
  const { TableName, QueueUrl, Bucket, UUID, Entries = [], RequestItems, TransactItems } = input;
  if (operation === 'PutEvents') return Entries.map(({ EventBusName = 'default' }): Use => [EventBusName, operation]);
  if (TransactItems !== undefined)
    return TransactItems.flatMap((item) =>
      Object.entries(item).map(([part, on]): Use => [on.TableName, PARTS[part] ?? part]),
    );
  if (RequestItems !== undefined) return Object.keys(RequestItems).map((table): Use => [table, operation]);
  return [[TableName ?? QueueUrl ?? Bucket ?? UUID ?? 'nothing', ACTIONS[operation] ?? operation]];
};

/** A client's middleware, as far as it is used here. */
interface MiddlewareStack {
  add(
    middleware: <Args extends { readonly input: object }, Answer>(
      next: (args: Args) => Promise<Answer>,
      context: { readonly commandName?: string },
    ) => (args: Args) => Promise<Answer>,
    options: { readonly step: 'initialize'; readonly name: string },
  ): void;
}

/**
 * Notes down which function uses what. The clients are those that the functions of this process share; who calls them
 * is known by the asynchronous context of the call.
 *
 * @param idOf The resource of the template, by what `Ref` gives for it.
 */
export const recordUses = async (idOf: ReadonlyMap<string, string>) => {
  const used = new Map<string, Set<string>>();
  const callers = new AsyncLocalStorage<string>();
  const note = (command: string, input: object): void => {
    const caller = callers.getStore();
    if (caller === undefined) return;
    for (const [resource, action] of usesOf(command.replace(/Command$/, ''), input))
      used.set(caller, (used.get(caller) ?? new Set()).add(`${idOf.get(resource) ?? resource}.${action}`));
  };
  const watching = (isNoted: (input: object) => boolean) => ({
    applyToStack: (stack: MiddlewareStack): void =>
      stack.add(
        (next, context) => (args) => {
          if (isNoted(args.input)) note(context.commandName ?? '', args.input);
          return next(args);
        },
        { step: 'initialize', name: 'noteUses' },
      ),
  });
  const watch = watching(() => true);
  const watchMappings = watching((input) => 'UUID' in input);
  const clients = sharedClients();
  (await clients.sqs()).client.middlewareStack.use(watch);
  (await clients.dynamodb()).client.middlewareStack.use(watch);
  (await clients.s3()).client.middlewareStack.use(watch);
  (await clients.eventbridge()).client.middlewareStack.use(watch);
  // Functions are named by their ARN: who may invoke which is no use of a resource here.
  (await clients.lambda()).client.middlewareStack.use(watchMappings);
  return {
    as: <T>(functionId: string, work: () => Promise<T>): Promise<T> => callers.run(functionId, work),
    usedBy: (functionId: string): Uses => used.get(functionId) ?? new Set(),
    stop: () => clients.close(),
  };
};
