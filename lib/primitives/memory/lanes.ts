/** A message as a queue keeps it. It is in flight while it was received and its visibility timeout has not ended. */
export interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly sentAtMs: number;
  readonly groupId?: string;
  receiveCount: number;
  /** Of its latest delivery, on the monotonic clock; 0 before the first. */
  receivedAtMs: number;
  /** Not delivered before this instant of the monotonic clock. */
  visibleAtMs: number;
}

export const isInFlight = (message: StoredMessage, nowMs: number): boolean =>
  message.receiveCount > 0 && message.visibleAtMs > nowMs;

/**
 * The messages of a queue in lanes: one for each group of a FIFO queue, one for each message of a standard queue. Order
 * is kept in a lane, and a lane of which a message is in flight is closed: both kinds of queue come to the same rule.
 */
export interface Lanes {
  add(message: StoredMessage): void;
  find(id: string): StoredMessage | undefined;
  remove(message: StoredMessage): void;
  /** The messages that can be delivered now, lane by lane. Those taken may be changed or removed on the way. */
  deliverable(nowMs: number, order?: (lanes: readonly string[]) => readonly string[]): Iterable<StoredMessage>;
  all(): Iterable<StoredMessage>;
}

type Lane = Map<string, StoredMessage>;

const isClosed = (lane: Lane, nowMs: number): boolean => {
  // What was received before lies at the head of its lane, so the first that never was ends the search.
  for (const message of lane.values()) {
    if (message.receiveCount === 0) return false;
    if (isInFlight(message, nowMs)) return true;
  }
  return false;
};

export const messageLanes = (isFifo: boolean): Lanes => {
  const lanes = new Map<string, Lane>();
  const messages = new Map<string, StoredMessage>();
  const laneOf = ({ id, groupId }: StoredMessage): string => (isFifo ? (groupId ?? '') : id);

  return {
    add: (message) => {
      const lane = lanes.get(laneOf(message)) ?? new Map<string, StoredMessage>();
      lanes.set(laneOf(message), lane.set(message.id, message));
      messages.set(message.id, message);
    },
    find: (id) => messages.get(id),
    remove: (message) => {
      const lane = lanes.get(laneOf(message));
      messages.delete(message.id);
      if (lane?.delete(message.id) === true && lane.size === 0) lanes.delete(laneOf(message));
    },
    *deliverable(nowMs, order) {
      for (const name of order === undefined ? lanes.keys() : order([...lanes.keys()])) {
        const lane = lanes.get(name);
        if (lane === undefined || isClosed(lane, nowMs)) continue;
        for (const message of lane.values()) {
          // A delayed message holds up what was sent behind it in its lane.
          if (message.visibleAtMs > nowMs) break;
          yield message;
        }
      }
    },
    all: () => messages.values(),
  };
};
