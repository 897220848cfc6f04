/** A figure that shared goals ask for, and what this run came to. */
export interface Goal {
  readonly figure: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly measured: number;
}

/** What a benchmark came to: a table, goals, and remarks on how to read them. */
export interface BenchmarkResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly goals: readonly Goal[];
  readonly remarks: readonly string[];
}

/** One component against its peers. `say` shows progress, one short line at a time. */
export type Benchmark = (say: (progress: string) => void) => Promise<BenchmarkResult>;

export const isHeld = ({ atLeast = -Infinity, atMost = Infinity, measured }: Goal): boolean =>
  measured >= atLeast && measured <= atMost;
