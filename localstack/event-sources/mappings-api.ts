import { functionNameOf, mappingInput, parseMapping } from '#event-sources/mapping';
import type { ApiRefusal, EventSourceMapping, MappingFacts } from '#event-sources/mapping';
import { parseQueueArn } from '#event-sources/sqs-event';
import { parseStreamArn } from '#event-sources/stream-event';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { mappingUuid } from './mapping-uuid.ts';
import type { MappingStore, StoredMapping } from './mapping-store.ts';

export interface MappingsRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** The body as it came; empty when there is none. */
  readonly body: string;
}

export interface MappingsResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** To be sent as JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface MappingsApiOptions {
  readonly store: MappingStore;
  /** What bears on a mapping of the queue with this ARN; undefined when there is no such queue. */
  readonly queueAttributes: (queueArn: string) => Promise<{ readonly visibilityTimeoutS: number } | undefined>;
  /** Whether there is a DynamoDB stream with this ARN. */
  readonly streamExists: (streamArn: string) => Promise<boolean>;
  /** The timeout of the function; undefined when there is no such function. */
  readonly functionTimeoutS: (functionName: string) => number | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const ROUTE = /^\/2015-03-31\/event-source-mappings(?:\/([^/]*))?$/u;
/** @see https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html */
const PAGE_LIMIT = 100;
const MS_PER_S = 1000;

const STATUS = {
  InvalidParameterValueException: 400,
  ValidationException: 400,
  SerializationException: 400,
  ResourceNotFoundException: 404,
  ResourceConflictException: 409,
} as const satisfies Record<ApiRefusal['type'], number>;

const json = (status: number, body: Readonly<Record<string, unknown>>): MappingsResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

const refused = ({ type, message }: ApiRefusal): MappingsResponse => ({
  status: STATUS[type],
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': type },
  body: { __type: type, Type: 'User', Message: message, message },
});

const NOT_FOUND: ApiRefusal = {
  type: 'ResourceNotFoundException',
  message: 'The resource you requested does not exist.',
};

type State = 'Enabling' | 'Enabled' | 'Disabled' | 'Deleting';

const describe = ({ mapping, modifiedAtMs }: StoredMapping, state: State): Readonly<Record<string, unknown>> => {
  const { FunctionName, Enabled: _, ...input } = mappingInput(mapping);
  const { eventSourceArn: arn } = mapping;
  const { region = '', accountId = '' } = parseQueueArn(arn) ?? parseStreamArn(arn) ?? {};
  return {
    UUID: mapping.uuid,
    ...input,
    FunctionArn: `arn:aws:lambda:${region}:${accountId}:function:${String(FunctionName)}`,
    EventSourceMappingArn: `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${mapping.uuid}`,
    State: state,
    StateTransitionReason: 'USER_INITIATED',
    LastModified: modifiedAtMs / MS_PER_S,
  };
};

/** A queue keeps what came before its poller; of a stream read from its end, the place to begin at must be held first. */
const stateOf = (store: MappingStore, { mapping }: StoredMapping): State => {
  if (!mapping.enabled) return 'Disabled';
  return mapping.stream === undefined || store.isReady(mapping.uuid) ? 'Enabled' : 'Enabling';
};

const parsedBody = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(body === '' ? '{}' : body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

const matches = (mapping: EventSourceMapping, query: MappingsRequest['query']): boolean =>
  (query.EventSourceArn === undefined || query.EventSourceArn === mapping.eventSourceArn) &&
  (query.FunctionName === undefined || functionNameOf(query.FunctionName) === mapping.functionName);

const list = (store: MappingStore, query: MappingsRequest['query']): MappingsResponse => {
  const wanted = query.MaxItems === undefined ? PAGE_LIMIT : Number(query.MaxItems);
  const start = query.Marker === undefined ? 0 : Number(query.Marker);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 10_000) {
    return refused({
      type: 'InvalidParameterValueException',
      message: "Expected 'MaxItems' to be an integer from 1 to 10000",
    });
  }
  if (!Number.isInteger(start) || start < 0) {
    return refused({ type: 'InvalidParameterValueException', message: 'Invalid Marker' });
  }
  const found = store.list().filter(({ mapping }) => matches(mapping, query));
  const end = start + Math.min(wanted, PAGE_LIMIT);
  return json(200, {
    EventSourceMappings: found.slice(start, end).map((stored) => describe(stored, stateOf(store, stored))),
    ...(end < found.length ? { NextMarker: String(end) } : {}),
  });
};

/**
 * The Lambda API for event source mappings: create, get, list, update, delete, with AWS's status codes and error
 * bodies. Never rejects on bad input. Changes are in force at once, so the states are Enabled and Disabled, Deleting in
 * the answer to a delete, and Enabling until the place is held at which the reading of a stream begins.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
export const mappingsApi = (options: MappingsApiOptions): ((request: MappingsRequest) => Promise<MappingsResponse>) => {
  const { store } = options;

  const sourceFacts = async (arn: string): Promise<Pick<MappingFacts, 'queue' | 'streamExists'>> => {
    if (parseStreamArn(arn) !== undefined) return { streamExists: await options.streamExists(arn) };
    return parseQueueArn(arn) === undefined ? {} : { queue: await options.queueAttributes(arn) };
  };

  const read = async (
    input: Readonly<Record<string, unknown>>,
    uuid: string,
  ): Promise<ReturnType<typeof parseMapping>> => {
    const { EventSourceArn: arn, FunctionName: reference } = input;
    const name = typeof reference === 'string' ? functionNameOf(reference) : undefined;
    return parseMapping(input, {
      uuid,
      ...(typeof arn === 'string' ? await sourceFacts(arn) : {}),
      functionTimeoutS: name === undefined ? undefined : options.functionTimeoutS(name),
    });
  };

  const save = (mapping: EventSourceMapping): MappingsResponse => {
    const twin = store
      .list()
      .find(
        ({ mapping: other }) =>
          other.uuid !== mapping.uuid &&
          other.eventSourceArn === mapping.eventSourceArn &&
          other.functionName === mapping.functionName,
      );
    if (twin !== undefined) {
      return refused({
        type: 'ResourceConflictException',
        message: `The event source arn (" ${mapping.eventSourceArn} ") and function (" ${mapping.functionName} ") provided mapping already exists. Please update or delete the existing mapping with UUID ${twin.mapping.uuid}`,
      });
    }
    const stored = { mapping, modifiedAtMs: options.clock.nowMs() };
    store.put(stored);
    return json(202, describe(stored, stateOf(store, stored)));
  };

  /** That of its function and queue, unless another mapping, changed since, has it. */
  const newUuid = ({ FunctionName: reference, EventSourceArn: arn }: Readonly<Record<string, unknown>>): string => {
    const name = typeof reference === 'string' ? functionNameOf(reference) : undefined;
    // One that reads a stream from elsewhere is another mapping, which must not go on where the former stood.
    if (name === undefined || typeof arn !== 'string' || parseQueueArn(arn) === undefined) return options.random.uuid();
    const uuid = mappingUuid(name, arn);
    return store.get(uuid) === undefined ? uuid : options.random.uuid();
  };

  const write = async (body: string, known: StoredMapping | undefined): Promise<MappingsResponse> => {
    const input = parsedBody(body);
    if (input === undefined)
      return refused({ type: 'SerializationException', message: 'The body is not a JSON object' });
    if (known !== undefined && input.EventSourceArn !== undefined) {
      return refused({ type: 'InvalidParameterValueException', message: 'EventSourceArn cannot be changed' });
    }
    if (known !== undefined && input.StartingPosition !== undefined) {
      return refused({ type: 'InvalidParameterValueException', message: 'StartingPosition cannot be changed' });
    }
    const whole = known === undefined ? input : { ...mappingInput(known.mapping), ...input };
    const outcome = await read(whole, known?.mapping.uuid ?? newUuid(whole));
    if (!outcome.ok) return refused(outcome.refusal);
    // It may have been deleted while the queue was asked for its attributes.
    if (known !== undefined && store.get(known.mapping.uuid) === undefined) return refused(NOT_FOUND);
    return save(outcome.mapping);
  };

  const remove = (known: StoredMapping): MappingsResponse => {
    store.delete(known.mapping.uuid);
    return json(202, describe(known, 'Deleting'));
  };

  return async ({ method, path, query, body }) => {
    const [route, uuid = ''] = ROUTE.exec(path) ?? [];
    if (route === undefined) return refused(NOT_FOUND);
    if (uuid === '') {
      if (method === 'POST') return write(body, undefined);
      if (method === 'GET') return list(store, query);
      return json(405, { message: `Method ${method} is not allowed here` });
    }
    const known = store.get(uuid);
    if (known === undefined) return refused(NOT_FOUND);
    if (method === 'GET') return json(200, describe(known, stateOf(store, known)));
    if (method === 'PUT') return write(body, known);
    if (method === 'DELETE') return remove(known);
    return json(405, { message: `Method ${method} is not allowed here` });
  };
};
