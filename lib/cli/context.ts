import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';

/** Where the command line writes, what it knows about itself, and what it gets of the machine. */
export interface CliContext {
  /** For what a person or a script reads. */
  readonly out: (line: string) => void;
  /** For what went wrong, and for the log. */
  readonly error: (line: string) => void;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted when the command is asked to end (SIGTERM, SIGINT). */
  readonly signal: AbortSignal;
}
