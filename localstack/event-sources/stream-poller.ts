import type { EventSourceMapping } from '#event-sources/mapping';
import { parseStreamArn } from '#event-sources/stream-event';
import type { StreamArn } from '#event-sources/stream-event';
import type { StreamSettings } from '#event-sources/stream-mapping';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Invoke } from './invocation.ts';
import { ShardPoller } from './shard-poller.ts';
import type { Slots } from './shard-poller.ts';
import { streamApi } from './stream-api.ts';
import type { ShardStart, StreamApi, StreamShard } from './stream-api.ts';
import type { ShardPosition } from './stream-shard-reader.ts';

/** How far a mapping is in each shard, by the shard's id. Outlives the poller: a mapping that is changed goes on. */
export type StreamPositions = Map<string, ShardPosition>;

export interface StreamPollerOptions {
  readonly endpointUrl: string;
  readonly mapping: EventSourceMapping;
  /** Read at the start and written at the stop. Empty: the mapping is new. */
  readonly positions: StreamPositions;
  readonly invoke: Invoke;
  readonly hostIsUp: () => boolean;
  readonly deliver: (arn: string, body: string) => Promise<void>;
  readonly uuid: () => string;
  /** What is written from now on will be read. */
  readonly onReady: () => void;
  readonly log: Log;
  readonly clock: Clock;
  /** The most batches at once that the machine can bear, whatever AWS would allow. */
  readonly capCount: number;
  /** How long a stop waits for batches in flight. */
  readonly drainMs: number;
}

/** How often a stream is asked for shards that came to it. */
const SHARDS_MS = 10_000;
const FIRST_PAUSE_MS = 100;

/**
 * Feeds one function from all shards of one stream until it is stopped: each shard in order, a shard after the one that
 * it came from. What it was doing when it stopped is done again by the next poller with the same positions, so records
 * come at least once; positions are in memory, and with this process they go.
 *
 * @throws An `Error` when the mapping's source is no stream, and `InvalidPatternError` when a filter is no pattern.
 */
export class StreamPoller {
  readonly #options: StreamPollerOptions;
  readonly #arn: StreamArn;
  readonly #stream: StreamSettings;
  readonly #api: StreamApi;
  readonly #log: Log;
  readonly #shards = new Map<string, ShardPoller>();
  readonly #stopping = new AbortController();
  readonly #abandon = new AbortController();
  #runningCount = 0;
  #isNew: boolean;
  /** Shards of which the place to begin at is held. */
  readonly #held = new Set<string>();
  #shardsChanged = Promise.withResolvers<void>();

  constructor(options: StreamPollerOptions) {
    const { mapping, endpointUrl } = options;
    const arn = parseStreamArn(mapping.eventSourceArn);
    if (arn === undefined || mapping.stream === undefined)
      throw new Error(`Expected 'eventSourceArn' to be the ARN of a stream, got ${mapping.eventSourceArn}.`);
    this.#options = options;
    this.#arn = arn;
    this.#stream = mapping.stream;
    this.#isNew = options.positions.size === 0;
    this.#log = options.log.child({ stream: arn.tableName, function: mapping.functionName });
    this.#api = streamApi({ endpointUrl, arn: mapping.eventSourceArn, region: arn.region });
    void this.#followShards();
  }

  /** Takes nothing more and waits for what is in flight, up to `drainMs`. May be called again. */
  async stop(): Promise<void> {
    const { clock, drainMs, positions } = this.#options;
    const inTime = new AbortController();
    const late = clock.sleep(drainMs, inTime.signal).then(
      () => this.#log.warn('stopped with batches in flight', { count: this.#runningCount }),
      () => undefined,
    );
    this.#stopping.abort();
    await Promise.race([Promise.all([...this.#shards.values()].map((shard) => shard.drained)), late]);
    inTime.abort();
    for (const [id, shard] of this.#shards) positions.set(id, shard.position);
    this.#abandon.abort();
  }

  async #followShards(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let pauseMs = SHARDS_MS;
      try {
        this.#startShards(await this.#api.shards(signal));
      } catch (error) {
        if (!signal.aborted)
          this.#log.warn('the shards of a stream are not known, trying again', { error: String(error) });
        pauseMs = this.#isNew ? FIRST_PAUSE_MS : SHARDS_MS;
      }
      const slept = new AbortController();
      const pause = clock.sleep(pauseMs, AbortSignal.any([signal, slept.signal])).catch(() => undefined);
      await Promise.race([pause, this.#shardsChanged.promise]);
      slept.abort();
      this.#shardsChanged = Promise.withResolvers();
    }
  }

  #startShards(listed: readonly StreamShard[]): void {
    const { positions } = this.#options;
    if (this.#stopping.signal.aborted) return;
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of positions.keys()) if (!ids.has(id)) positions.delete(id);
    const starting = listed.filter(({ id, parentId }) => {
      if (this.#shards.has(id) || positions.get(id)?.done === true) return false;
      const isFirst = parentId === undefined || !ids.has(parentId) || positions.get(parentId)?.done === true;
      return isFirst || (this.#isNew && this.#stream.startingPosition === 'LATEST');
    });
    // Shards that came after the mapping are read from their beginning.
    const start: ShardStart = { kind: this.#isNew ? this.#stream.startingPosition : 'TRIM_HORIZON' };
    for (const { id } of starting) this.#shards.set(id, this.#pollerOf(id, positions.get(id) ?? { start }));
    if (listed.length > 0) this.#isNew = false;
  }

  #pollerOf(shardId: string, position: ShardPosition): ShardPoller {
    const { mapping, invoke, hostIsUp, deliver, uuid, clock, positions } = this.#options;
    return new ShardPoller({
      mapping,
      stream: this.#stream,
      arn: this.#arn,
      api: this.#api,
      shardId,
      position,
      slots: this.#slots,
      invoke,
      hostIsUp,
      deliver,
      uuid,
      log: this.#log,
      clock,
      stopping: this.#stopping.signal,
      abandon: this.#abandon.signal,
      onHeld: () => {
        this.#held.add(shardId);
        if (this.#held.size === this.#shards.size) this.#options.onReady();
      },
      onDone: () => {
        const { start } = position;
        positions.set(shardId, { start, done: true });
        this.#shards.delete(shardId);
        this.#held.delete(shardId);
        this.#shardsChanged.resolve();
      },
    });
  }

  get #slots(): Slots {
    const freeCount = (): number => this.#options.capCount - this.#runningCount;
    return {
      take: () => {
        this.#runningCount += 1;
      },
      giveBack: () => {
        this.#runningCount -= 1;
        for (const shard of this.#shards.values()) shard.pump();
      },
      get freeCount() {
        return freeCount();
      },
    };
  }
}
