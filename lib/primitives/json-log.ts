import { refuse } from './checks.ts';
import type { Clock } from './clock.ts';
import type { Log, LogFields, LogLevel } from './log.ts';
import { redact } from './redaction.ts';
import { shortLine, type Field } from './short-line.ts';

export { formatLogLine } from './log-line.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const LINE_LIMIT = 16_384;
const FIELD_LIMIT = 50;
const RESERVED = /^(?:time|level|message|leftOut)_*$/;

/** What is passed in may be anything, a getter that throws included: the log is never the reason of a failure. */
const safely = <T>(attempt: () => T, otherwise: (error: unknown) => T): T => {
  try {
    return attempt();
  } catch (error) {
    return otherwise(error);
  }
};

// A field never hides what the log itself says, nor another field.
const fieldName = (name: string): string => (RESERVED.test(name) ? `${name}_` : name);

/** Each is redacted by itself, so that a large one takes nothing from the others. */
const redactedFields = (fields: LogFields): readonly Field[] => {
  const entries = Object.entries(fields);
  const kept = entries
    .slice(0, FIELD_LIMIT)
    .flatMap(([name, value]): Field[] => Object.entries(redact({ [fieldName(name)]: value }) as object));
  const moreCount = entries.length - FIELD_LIMIT;
  return moreCount > 0 ? [...kept, ['…', `${moreCount} more`]] : kept;
};

/**
 * A log of JSON lines: `time`, `level`, `message`, then the fields. Secrets are redacted and sizes bounded: a line has
 * at most 16 384 characters; one that would be longer leaves out its largest fields, those of the log itself last, and
 * names them in `leftOut`. It never throws.
 *
 * @param options.write Gets each line, without its end.
 * @param options.level The lowest level that is written. Default `info`.
 * @param options.fields Added to every entry.
 * @throws {@link InvalidArgumentError} when the level is not one of debug, info, warn, error
 */
export const jsonLog = (options: {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly level?: LogLevel;
  readonly fields?: LogFields;
}): Log => {
  const { write, clock, level: lowest = 'info', fields: own = {} } = options;
  if (!LEVELS.includes(lowest)) throw refuse('level', `one of ${LEVELS.join(', ')}`, lowest);
  const ownNames = new Set(Object.keys(own).map(fieldName));

  const line = (level: LogLevel, message: string, fields: LogFields): string => {
    const head = { time: new Date(clock.nowMs()).toISOString(), level, message: redact(message) };
    const all = redactedFields({ ...own, ...fields });
    const whole = JSON.stringify({ ...head, ...Object.fromEntries(all) });
    return whole.length <= LINE_LIMIT ? whole : shortLine(head, all, (name) => ownNames.has(name), LINE_LIMIT);
  };

  const at = (level: LogLevel) =>
    LEVELS.indexOf(level) < LEVELS.indexOf(lowest)
      ? () => undefined
      : (message: string, fields: LogFields = {}) =>
          safely(
            () => write(line(level, message, fields)),
            () =>
              safely(
                () => write(line(level, message, { unwritable: true })),
                () => undefined,
              ),
          );

  return Object.freeze({
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields: LogFields) => jsonLog({ write, clock, level: lowest, fields: { ...own, ...fields } }),
  });
};
