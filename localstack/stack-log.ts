import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { formatLogLine } from '#primitives/json-log';

/** Where the lines of the supervisor and of the functions go. */
export interface StackLog {
  readonly file: string;
  /** One line of JSON, as the log makes it. */
  write(line: string): void;
  /** What the function host prints: lines of JSON from the functions, and plain ones of its own. */
  output(chunk: Buffer): void;
  /** Writes out what is buffered. */
  close(): Promise<void>;
}

/** A line longer than this without an end is cut: a function may print anything. */
const MAX_LINE_CHARACTERS = 64 * 1024;
/** Errors of anyone, warnings of the stack's own parts: those of a function (an item that failed) are its daily work. */
const SHOWN = /^\{(?=.*"level":"error")|^\{(?=.*"level":"warn")(?=.*"part":)/;

/**
 * Keeps everything in `<stackDir>/stack.log`, and shows on the terminal what somebody should look at, in colours only
 * when it is one.
 */
export const openStackLog = (options: {
  readonly stackDir: string;
  readonly show: (text: string) => void;
  readonly colors: boolean;
}): StackLog => {
  const file = path.join(options.stackDir, 'stack.log');
  const stream = createWriteStream(file, { flags: 'w', mode: 0o600 });
  let rest = '';
  const write = (line: string): void => {
    stream.write(`${line}\n`);
    if (SHOWN.test(line)) options.show(formatLogLine(line, { colors: options.colors }));
  };
  return Object.freeze({
    file,
    write,
    output: (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
      for (const line of lines) if (line.trim() !== '') write(line);
    },
    close: async () => {
      if (rest !== '') write(rest);
      await new Promise<void>((resolve) => stream.end(resolve));
    },
  });
};
