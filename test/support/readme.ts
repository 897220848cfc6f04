/** A fenced block of a README: a command with the output that it must print, or anything else. */
export interface ReadmeCommand {
  readonly line: number;
  readonly command: string;
  /** Undefined: nothing is said of the output, only that the command must succeed. */
  readonly expected: string | undefined;
  /** The word behind `sh` in the fence, e.g. `aws` for what needs the AWS CLI. */
  readonly mark: string;
}

const FENCE = /^```(\w*) ?(\w*)$/;

/** The `sh` blocks in order, each with the `text` or `json` block that follows it directly. */
export const readmeCommands = (markdown: string): readonly ReadmeCommand[] => {
  const blocks: { language: string; mark: string; line: number; end: number; text: string }[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const fence = FENCE.exec(lines[at] ?? '');
    if (fence === null) continue;
    const close = lines.indexOf('```', at + 1);
    blocks.push({
      language: fence[1] ?? '',
      mark: fence[2] ?? '',
      line: at + 1,
      end: close,
      text: lines.slice(at + 1, close).join('\n'),
    });
    at = close;
  }
  return blocks.flatMap((block, index) => {
    if (block.language !== 'sh') return [];
    const next = blocks[index + 1];
    const follows = next !== undefined && /^(text|json)$/.test(next.language) && next.line - block.end <= 3;
    return [{ line: block.line, command: block.text, expected: follows ? next.text : undefined, mark: block.mark }];
  });
};

/** Whether `actual` is what `expected` says: `…` stands for anything within a line, a line of `…` for any lines. */
export const matchesOutput = (actual: string, expected: string): boolean => {
  const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = expected
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '…' ? '[^]*?' : line.trimEnd().split('…').map(escape).join('.*?')))
    .join('\\n');
  const plain = actual
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
  return new RegExp(`^${pattern}$`, 'u').test(plain);
};
