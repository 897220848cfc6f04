import { memoryClock, type MemoryClock } from '#primitives/memory/clock';
import type { Log, LogFields } from '#primitives/log';
import type { SidecarContext } from '#single-node/sidecar/sidecar';

export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps what it was told. */
export const keptLog = (entries: LogEntry[] = [], own: LogFields = {}): Log & { readonly entries: LogEntry[] } => {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void entries.push({ level, message, fields: { ...own, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    entries,
    child: (fields) => keptLog(entries, { ...own, ...fields }),
  };
};

/** A place for one sidecar: a virtual clock, a log that is kept, and a signal to stop it. */
export const sidecarPlace = (
  clock: MemoryClock = memoryClock({ startMs: Date.now() }),
): SidecarContext & {
  readonly clock: MemoryClock;
  readonly log: ReturnType<typeof keptLog>;
  readonly end: () => void;
} => {
  const ending = new AbortController();
  return { clock, log: keptLog(), signal: ending.signal, end: () => ending.abort() };
};
