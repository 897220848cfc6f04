/** What a probe function is to do. In the body of a message, or where else `orderIn` finds it. */
export interface ProbeOrder {
  /** Tells what was sent apart in what the probe saw. */
  readonly n?: number;
  /**
   * `fail`: the invocation throws. `report`: the record is reported in batchItemFailures. `answer`: the invocation
   * answers `answer`, as it stands. Otherwise it succeeds.
   */
  readonly then?: 'fail' | 'report' | 'answer';
  readonly answer?: unknown;
  /** Misbehave only the first so many times that this is seen. Default: always. */
  readonly times?: number;
  /** The invocation takes at least so long. */
  readonly takesMs?: number;
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
