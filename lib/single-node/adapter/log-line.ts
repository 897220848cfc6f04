import type { Json } from '#primitives/table';

/** In the order of how bad it is. */
export const SEVERITIES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a line may be written in. */
export const LOG_FORMATS = ['nginx', 'syslog', 'redis-slowlog', 'json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** A line as it was understood. */
export interface ParsedLine {
  /** What a person would read first. */
  readonly message: string;
  readonly severity?: Severity;
  /** When it happened, where the line says so. */
  readonly timeMs?: number;
  /** Everything that the line says, by name. */
  readonly fields?: { readonly [name: string]: Json };
}

/**
 * Reads one line of one format; undefined when it is not of it. Takes time linear in the line's length, and throws for no
 * line.
 *
 * @param receivedAtMs When the line came: formats without a year or a zone need it.
 */
export type LineParser = (line: string, receivedAtMs: number) => ParsedLine | undefined;
