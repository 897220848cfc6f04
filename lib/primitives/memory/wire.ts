/** One call of a memory primitive, as the AWS backend would make it. */
export interface Operation {
  readonly primitive: 'queue' | 'table' | 'bus' | 'objects' | 'function';
  /** Of the queue, table, …; a transaction over several tables names them all, joined by `,`. */
  readonly name: string;
  /** `<service>.<Operation>`, e.g. `dynamodb.TransactWriteItems`. */
  readonly operation: string;
  /** True when the call changes what is stored; a receive is one, since it hides what it delivers. */
  readonly isWrite: boolean;
  /** How many entries the call carries: messages, records, events. */
  readonly entryCount: number;
}

/**
 * Goes around every operation: `apply` runs it once, at one instant. What an interceptor can do with that is every fault
 * there is: raise an error instead of calling it (crash before, throttled), or after it (crash after, answer lost), call
 * it later or twice (late, duplicate), or leave out entries (a batch that fails in part).
 *
 * @param apply `without` names entries of the batch, by position, that fail while the others are done. Only the batches
 *   of queues and buses know it, and receives: what they deliver at these positions is not hidden, and comes again.
 */
export type Intercept = <R>(
  operation: Operation,
  apply: (without?: ReadonlySet<number>) => R | Promise<R>,
) => R | Promise<R>;

export interface MemoryWire {
  /** Counts one call and lets it through the interceptor. `countAs` renames it in the counts by its answer. */
  call<R>(
    operation: Operation,
    apply: (without?: ReadonlySet<number>) => R | Promise<R>,
    countAs?: (answer: R) => string,
  ): Promise<R>;
  /** How often each operation was called, e.g. `{'sqs.SendMessageBatch': 3}`: what the endpoint tells at `/_stack/calls`. */
  counts(): Readonly<Record<string, number>>;
  resetCounts(): void;
}

/**
 * What lies between a program and the memory primitives: the place where calls are counted and faults come in. Give the
 * same wire to all primitives of one simulated account.
 *
 * @param options.intercept Goes around every operation. Default: every call is applied and answered.
 */
export const memoryWire = (options: { readonly intercept?: Intercept } = {}): MemoryWire => {
  const { intercept } = options;
  const counts = new Map<string, number>();

  return Object.freeze<MemoryWire>({
    call: async (operation, apply, countAs) => {
      let countedAs = operation.operation;
      try {
        const answer = await (intercept === undefined ? apply() : intercept(operation, apply));
        countedAs = countAs?.(answer) ?? countedAs;
        return answer;
      } finally {
        counts.set(countedAs, (counts.get(countedAs) ?? 0) + 1);
      }
    },
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    resetCounts: () => counts.clear(),
  });
};
