/**
 * The function that the parity tests feed: what it does is said by the bodies of its messages, so that the same tests
 * can drive it wherever it runs.
 */
export interface ProbeOrder {
  /** Tells messages apart in what the probe saw. */
  readonly n?: number;
  /**
   * `fail`: the invocation fails. `report`: the message is reported in batchItemFailures. `answer`: the invocation
   * answers `answer`, as it stands. Otherwise the message succeeds.
   */
  readonly then?: 'fail' | 'report' | 'answer';
  readonly answer?: string;
  /** Misbehave only at so many first receives. Default: always. */
  readonly times?: number;
  /** The invocation takes at least so long. */
  readonly takesMs?: number;
}

export interface ProbeRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly md5OfBody: string;
  readonly eventSource: string;
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/** One invocation as the probe saw it. */
export interface ProbeSighting {
  readonly records: readonly ProbeRecord[];
  /** How many invocations of the probe ran when this one began, itself included. */
  readonly runningCount: number;
}

export interface Probe {
  readonly invoke: (payload: string) => Promise<string>;
  readonly seen: readonly ProbeSighting[];
  /** The most invocations at once so far. */
  mostRunning(): number;
}

const orderOf = (record: ProbeRecord): ProbeOrder => {
  try {
    const order: unknown = JSON.parse(record.body);
    return typeof order === 'object' && order !== null ? order : {};
  } catch {
    return {};
  }
};

const isDue = (record: ProbeRecord, order: ProbeOrder): boolean =>
  Number(record.attributes.ApproximateReceiveCount) <= (order.times ?? Number.POSITIVE_INFINITY);

/** A probe that has seen nothing yet. Its invocations reject when they fail, as a function throws. */
export const probe = (): Probe => {
  const seen: ProbeSighting[] = [];
  let runningCount = 0;
  const answer = async (records: readonly ProbeRecord[]): Promise<string> => {
    const orders = records.map((record) => ({ record, order: orderOf(record) }));
    const takesMs = Math.max(0, ...orders.map(({ order }) => order.takesMs ?? 0));
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
    const due = orders.filter(({ record, order }) => isDue(record, order));
    if (due.some(({ order }) => order.then === 'fail')) throw new TypeError('as the message says');
    const spoken = due.find(({ order }) => order.then === 'answer');
    if (spoken !== undefined) return spoken.order.answer ?? '';
    const failed = due.filter(({ order }) => order.then === 'report');
    return JSON.stringify({ batchItemFailures: failed.map(({ record }) => ({ itemIdentifier: record.messageId })) });
  };
  return {
    seen,
    mostRunning: () => Math.max(0, ...seen.map((sighting) => sighting.runningCount)),
    invoke: async (payload) => {
      const { Records } = JSON.parse(payload) as { readonly Records: readonly ProbeRecord[] };
      runningCount += 1;
      seen.push({ records: Records, runningCount });
      try {
        return await answer(Records);
      } finally {
        runningCount -= 1;
      }
    },
  };
};

/** The `n` of each message of an invocation. */
export const numbersOf = (sighting: ProbeSighting): readonly number[] =>
  sighting.records.map((record) => orderOf(record).n ?? -1);
