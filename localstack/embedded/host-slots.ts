/**
 * Instances of one HTTP function at once. AWS starts one for each request that comes while the others are busy; here
 * each is a thread of some 30 MB that takes a core for a third of a second to start, and fifty at once would all be late.
 */
const MAX_RUNNING = 8;
/** Requests that wait for an instance. API Gateway, too, answers 429 to what is too much. */
const MAX_WAITING = 1_000;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

/** Lets so many requests for the same function through at a time; the others wait for their turn, in order. */
export interface HostSlots {
  /**
   * Runs `work` when it is its turn. Its slot is free again when the promise of `work` is settled.
   *
   * @returns false, without having run it, when too many wait already.
   */
  run(name: string, work: () => Promise<void>): Promise<boolean>;
}

export const hostSlots = (): HostSlots => {
  const lanes = new Map<string, Lane>();

  const enter = (lane: Lane): Promise<void> => {
    if (lane.running < MAX_RUNNING) {
      lane.running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => lane.waiting.push(resolve));
  };
  const leave = (name: string, lane: Lane): void => {
    const next = lane.waiting.shift();
    // The slot goes from hand to hand: nobody who comes later can take it in between.
    if (next !== undefined) next();
    else {
      lane.running -= 1;
      if (lane.running === 0) lanes.delete(name);
    }
  };

  return Object.freeze({
    run: async (name: string, work: () => Promise<void>) => {
      const lane = lanes.get(name) ?? { running: 0, waiting: [] };
      lanes.set(name, lane);
      if (lane.waiting.length >= MAX_WAITING) return false;
      await enter(lane);
      try {
        await work();
      } finally {
        leave(name, lane);
      }
      return true;
    },
  });
};
