import type { Clock } from '#primitives/clock';
import { LoadTimeoutError } from './cache-types.ts';

/** Loads within `loadTimeoutMs`, or fails with {@link LoadTimeoutError}, whether or not `load` obeys its signal. */
export const loadInTime = <T>(options: {
  readonly load: (key: string, signal: AbortSignal) => Promise<T>;
  readonly clock: Clock;
  readonly loadTimeoutMs: number;
  /** Called for each load that begins. */
  readonly onLoad: () => void;
}): ((key: string) => Promise<T>) => {
  const { load, clock, loadTimeoutMs, onLoad } = options;
  return async (key) => {
    const late = new AbortController();
    const over = new AbortController();
    const alarm = async (): Promise<never> => {
      await clock.sleep(loadTimeoutMs, over.signal);
      const error = new LoadTimeoutError(key, loadTimeoutMs);
      late.abort(error);
      throw error;
    };
    try {
      onLoad();
      return await Promise.race([load(key, late.signal), alarm()]);
    } finally {
      over.abort();
    }
  };
};
