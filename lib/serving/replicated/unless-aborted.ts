/**
 * The outcome of `work`, or the reason of the signal when that is aborted first; with a signal that is aborted already
 * nothing begins. What was begun goes on. The signal, which may be that of a whole process, keeps nothing of the call.
 */
export const unlessAborted = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, work()]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
