import { AsyncLocalStorage } from 'node:async_hooks';

/** How a process ended: with a value, with an error of its own, or by a crash, after which nothing of it has effect. */
export type Ending<T> =
  | { readonly status: 'ended'; readonly value: T }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'killed'; readonly reason: string };

/** Something that runs and can be killed: an invocation of a function, a client, an event source. */
export interface Process {
  readonly name: string;
  readonly isAlive: boolean;
  /** Runs `work` as this process. Resolves at once when the process is killed, whatever `work` waits for. */
  run<T>(work: () => T | Promise<T>): Promise<Ending<T>>;
  /** What the process waits for never comes any more. */
  kill(reason: string): void;
}

const processes = new AsyncLocalStorage<Process | undefined>();

/** Makes a process. Whatever is awaited in its `run`, however deep, runs as this process. */
export const startProcess = (name: string): Process => {
  const killed = Promise.withResolvers<string>();
  let isAlive = true;
  const process: Process = Object.freeze<Process>({
    name,
    get isAlive() {
      return isAlive;
    },
    kill: (reason) => {
      isAlive = false;
      killed.resolve(reason);
    },
    run: async <T>(work: () => T | Promise<T>): Promise<Ending<T>> => {
      const attempt = async (): Promise<Ending<T>> => {
        try {
          return { status: 'ended', value: await work() };
        } catch (error) {
          return { status: 'failed', error };
        }
      };
      const end = killed.promise.then((reason): Ending<T> => ({ status: 'killed', reason }));
      return Promise.race([end, processes.run(process, attempt)]);
    },
  });
  return process;
};

/** The process that runs this, or undefined outside of all of them. */
export const currentProcess = (): Process | undefined => processes.getStore();

/** Runs `work` outside of all processes: it looks on, meets no fault and cannot be killed. */
export const outside = <T>(work: () => T): T => processes.run(undefined, work);

/** Waits for `work` as the current process; for ever, once that was killed. */
export const whileAlive = async <T>(work: Promise<T>): Promise<T> => {
  const process = currentProcess();
  try {
    return await work;
  } finally {
    // A promise of its own: one for all would keep what every dead process held.
    if (process?.isAlive === false) await new Promise<never>(() => undefined);
  }
};
