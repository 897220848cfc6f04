import { SingleBar } from 'cli-progress';
import type { DemoScreen, Shown } from '../../functions/demo.ts';

/** Colours and moving bars only where a person looks: a terminal, and NO_COLOR not set (https://no-color.org). */
export const isInteractive = (stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';

export interface Terminal extends DemoScreen {
  readonly colors: boolean;
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
  /** Rows of equal length, columns aligned. */
  table(rows: readonly (readonly string[])[]): void;
}

const STEPS_WITHOUT_TERMINAL = 4;

const plainProgress = (say: (line: string) => void, label: string, total: number) => {
  let said = -1;
  return {
    update: (done: number) => {
      const step = total === 0 ? STEPS_WITHOUT_TERMINAL : Math.floor((done / total) * STEPS_WITHOUT_TERMINAL);
      if (step === said) return;
      said = step;
      say(`${label} ${done}/${total}`);
    },
    stop: () => undefined,
  };
};

const barProgress = (stream: NodeJS.WriteStream, label: string, total: number) => {
  const bar = new SingleBar({
    stream,
    format: `${label} [{bar}] {value}/{total}`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true,
  });
  bar.start(total, 0);
  return { update: (done: number) => bar.update(done), stop: () => bar.stop() };
};

export const openTerminal = (stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Terminal => {
  const colors = isInteractive(stream, env);
  const paint = (code: number) => (text: string) => (colors ? `\u001b[${code}m${text}\u001b[0m` : text);
  const say = (line: string): void => void stream.write(`${line}\n`);
  return Object.freeze({
    colors,
    bold: paint(1),
    good: paint(32),
    bad: paint(31),
    faint: paint(2),
    say,
    progress: (label: string, total: number) =>
      colors ? barProgress(stream, label, total) : plainProgress(say, label, total),
    table: (rows: readonly (readonly string[])[]) => {
      const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
      for (const row of rows)
        say(
          `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')}`,
        );
    },
  });
};

/** The table at the end of a demo: what was shown, what was seen, whether it held. */
export const showResults = (terminal: Terminal, pattern: string, shown: readonly Shown[]): void => {
  terminal.say('');
  terminal.table(
    shown.map(({ what, seen, held }) => [held ? terminal.good('held  ') : terminal.bad('BROKEN'), pattern, what, seen]),
  );
};
