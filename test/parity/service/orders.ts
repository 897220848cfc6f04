/** What a probe function is to do. In the body of a message, or where else `ordersIn` finds it. */
export interface ProbeOrder {
  /** Tells what was sent apart in what the probe saw. */
  readonly n?: number;
  /**
   * `fail`: the invocation throws. `hang`: it runs into its timeout. `report`: the record is reported in
   * batchItemFailures. `answer`: the invocation answers `answer`, as it stands. Otherwise it succeeds.
   */
  readonly then?: 'fail' | 'hang' | 'report' | 'answer';
  readonly answer?: unknown;
  /** Misbehave only the first so many times that this is seen. Default: always. */
  readonly times?: number;
  /** The invocation takes at least so long. */
  readonly takesMs?: number;
  /** What its sighting is kept under, where the event names no source. */
  readonly key?: string;
}

/** One invocation of a probe. */
export interface Sighting {
  /** The event as it came; undefined when it was too large to keep. */
  readonly event: unknown;
  readonly functionName: string;
  readonly requestId: string;
  readonly startedAtMs: number;
  /** Undefined while it runs, or when it never ended. */
  readonly endedAtMs?: number;
  /** The `n` of each record, in order; of the event itself when it has no records. -1 where there is none. */
  readonly numbers: readonly number[];
}

/** A record of any event source, as far as the probe looks into it. */
export interface ProbeRecord {
  readonly messageId?: string;
  readonly body?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly eventSourceARN?: string;
  readonly dynamodb?: {
    readonly SequenceNumber?: string;
    readonly NewImage?: { readonly order?: { readonly S?: string } };
    readonly OldImage?: { readonly order?: { readonly S?: string } };
  };
  readonly Sns?: { readonly Message?: string; readonly TopicArn?: string };
  readonly s3?: { readonly bucket?: { readonly name?: string } };
}

/** Any event: of an event source, of a bus, of a function's address, or what a client made up. */
export interface ProbeEvent extends ProbeOrder {
  readonly Records?: readonly ProbeRecord[];
  readonly detail?: ProbeOrder;
  readonly body?: string;
  readonly resources?: readonly string[];
}

const parsed = (text: string | undefined): ProbeOrder => {
  try {
    const order: unknown = JSON.parse(text ?? '');
    return typeof order === 'object' && order !== null ? order : {};
  } catch {
    return {};
  }
};

const orderOf = ({ body, Sns, dynamodb }: ProbeRecord): ProbeOrder =>
  parsed(body ?? Sns?.Message ?? (dynamodb?.NewImage ?? dynamodb?.OldImage)?.order?.S);

/** The order of each record; the one of the event when it has no records. */
export const ordersIn = (event: ProbeEvent): readonly ProbeOrder[] =>
  event.Records?.map(orderOf) ?? [event.detail ?? (event.body === undefined ? event : parsed(event.body))];

/** Where an event comes from: the queue, stream, topic or bucket of its records; else the key that its order names. */
export const keyOf = (event: ProbeEvent): string => {
  const [record] = event.Records ?? [];
  const source = record?.eventSourceARN ?? record?.Sns?.TopicArn ?? record?.s3?.bucket?.name;
  return source ?? ordersIn(event)[0]?.key ?? event.resources?.[0] ?? 'unknown';
};

/** What a client calls a record in batchItemFailures. */
export const identifierOf = ({ messageId, dynamodb }: ProbeRecord): string | undefined =>
  messageId ?? dynamodb?.SequenceNumber;
