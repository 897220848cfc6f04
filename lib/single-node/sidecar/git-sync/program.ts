/** A version of the program that runs and was found healthy. */
export interface RunningProgram {
  /** Where it answers, e.g. `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when its process has ended, with what is known of the reason. */
  readonly ended: Promise<string>;
  /** Asks it to end, and ends it when it does not. Never rejects. */
  stop(): Promise<void>;
}

export type Launched = { readonly program: RunningProgram } | { readonly reason: string };

/**
 * Starts the version in `folder`, and gives it when it is healthy: else nothing of it is left, and there is a reason.
 * Rejects only when it was no fault of the version.
 */
export type Launch = (folder: string, signal?: AbortSignal) => Promise<Launched>;
