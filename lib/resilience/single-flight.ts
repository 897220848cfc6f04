/** Runs `load` unless one of the same key runs already; then everybody gets what that one comes to. */
export type SingleFlight<T> = (key: string, load: () => T | PromiseLike<T>) => Promise<T>;

/**
 * One load for all who want the same key at the same time. An error reaches every one of them; nothing is kept once the
 * load has ended, error or not. Holds one entry for each load that runs. It is not cancelled: others may wait for it.
 *
 * @see https://pkg.go.dev/golang.org/x/sync/singleflight
 */
export const singleFlight = <T>(): SingleFlight<T> => {
  const flights = new Map<string, Promise<T>>();
  return (key, load) => {
    const running = flights.get(key);
    if (running !== undefined) return running;
    // What `load` throws at once is an error of the flight as well.
    const flight = new Promise<T>((resolve) => resolve(load())).finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
};
