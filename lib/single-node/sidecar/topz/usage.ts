/** What a program uses at one instant. Absent: the place does not say. */
export interface Usage {
  readonly pid: number;
  /** When the program was started; with the pid it tells one program from the next that got the same pid. */
  readonly startedAtMs: number;
  /** Since its start, in all threads. */
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly residentBytes: number;
  /** Open files and sockets. */
  readonly openFiles?: number;
  readonly threads?: number;
  /** What keeps its event loop alive: sockets, timers, watchers. In its own process only. */
  readonly handles?: number;
  /** How late timers of its event loop were since the last reading: in its own process only. */
  readonly eventLoopDelay?: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
}

/** `gone`: it ended, or its pid belongs to another program now. Once gone, gone for ever. */
export type Reading = { readonly status: 'running'; readonly usage: Usage } | { readonly status: 'gone' };

/** Where the use of one program is read. */
export interface UsageSource {
  /** How it is read: `/proc`, `ps`, or from within the process. */
  readonly kind: 'proc' | 'ps' | 'process';
  /** Rejects when the reading failed although the program may be there. */
  read(): Promise<Reading>;
  /** Releases what reading needs, if anything. */
  close?(): void;
}
