import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

const SLOW_TRIES = 5;
const POLL_MS = 200;
/** What a killed function held comes back after the visibility timeout, 65 s by default. */
const PATIENCE_MS = 240_000;
const BATCHES = 10;
const LINES = 50;
/** Lines of the demo say that they were written on this day, so that nothing else is on its pages. */
const DAY = '2001-02-03';

interface LogEntry {
  readonly id: string;
  readonly data: { readonly format: string };
}

interface LogPage {
  readonly entries: readonly LogEntry[];
  readonly cursor?: string;
}

/** One of each format, and one of none. */
const lineOf = (at: number): string => {
  const second = String(at % 60).padStart(2, '0');
  const lines = [
    `10.0.0.${at % 250} - - [03/Feb/2001:04:05:${second} +0000] "GET /demo/${at} HTTP/1.1" 200 ${at} "-" "demo"`,
    `<14>1 ${DAY}T04:05:${second}Z host demo - - - line ${at}`,
    `{"time":"${DAY}T04:05:${second}Z","level":"warn","msg":"line ${at}"}`,
    `[${at},981173100,15000,["KEYS","demo:${at}"]]`,
  ];
  return lines[at % lines.length] ?? '';
};

const entriesOf = async (stack: DemoStack, source: string): Promise<readonly LogEntry[]> => {
  const found: LogEntry[] = [];
  let cursor: string | undefined;
  do {
    const more: string = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/adapter/logs?day=${DAY}&limit=200&source=${source}${more}`;
    const page: LogPage = await callStack<LogPage>(stack, 'GET', path);
    found.push(...page.entries);
    ({ cursor } = page);
  } while (cursor !== undefined);
  return found;
};

/** Posts lines until they are accepted: the key makes the repeats one batch, even when the function dies under a request. */
const post = async (stack: DemoStack, body: object, key: string, signal: AbortSignal): Promise<void> => {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  for (const deadlineMs = performance.now() + PATIENCE_MS; ;) {
    const { status } = await fetch(`${stack.apiUrl}/adapter/logs`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal,
    });
    if (status === 202) return;
    const mayRepeat = status === 409 || status >= 500;
    if (!mayRepeat || performance.now() > deadlineMs)
      throw new Error(`POST /adapter/logs was answered with ${status}.`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

/** How many batches are on their way, as the page of metrics tells it. */
const onTheirWay = async (stack: DemoStack, signal: AbortSignal): Promise<number> => {
  const text = await (await fetch(`${stack.apiUrl}/adapter/metrics`, { signal })).text();
  const counts = text.matchAll(/^queue_messages\{queue="adapter-logs",state="\w+"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
};

/** Lines in four formats, while their reader is killed and answers of its table get lost. */
const lines = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say('  broken on purpose: the reader of the lines is killed once, answers of its table get lost;');
  screen.say(
    '  what the killed one held comes back after its visibility timeout (VISIBILITY_TIMEOUT_S, 65 s by default)',
  );
  const source = `demo-${randomUUID()}`;
  const faults = [
    { at: 'adapter/normalise', kind: 'crash', times: 1 },
    { at: 'table/adapter-logs', kind: 'lose-answer', times: 3, seed: 1 },
  ];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const body = { source, lines: Array.from({ length: LINES }, (_, at) => lineOf(batch * LINES + at)) };
      await post(stack, body, `${source}-${batch}`, signal);
    }
    const total = BATCHES * LINES;
    const bar = screen.progress('lines', total);
    let entries: readonly LogEntry[] = [];
    let most = 0;
    for (const deadlineMs = performance.now() + PATIENCE_MS; performance.now() < deadlineMs;) {
      most = Math.max(most, await onTheirWay(stack, signal));
      entries = await entriesOf(stack, source);
      bar.update(Math.min(total, entries.length));
      if (entries.length >= total) break;
      await sleep(POLL_MS, undefined, { signal });
    }
    bar.stop();
    const { faults: fired } = await callStack<{ faults: readonly { kind: string; fired: number }[] }>(
      stack,
      'GET',
      '/faults',
      {
        admin: true,
      },
    );
    const ids = new Set(entries.map(({ id }) => id));
    const formats = new Set(entries.map(({ data }) => data.format));
    return [
      {
        what: 'faults fired',
        seen: fired.map(({ kind, fired: count }) => `${kind} ${count}`).join(', '),
        held: fired.every(({ fired: count }) => count > 0),
      },
      { what: 'no line is lost', seen: `${ids.size} of ${total}`, held: ids.size === total },
      { what: 'no line is there twice', seen: `${entries.length} entries`, held: entries.length === ids.size },
      { what: 'the page of metrics told how many batches were on their way', seen: `up to ${most}`, held: most > 0 },
      { what: 'all formats became one schema', seen: [...formats].toSorted().join(', '), held: formats.size === 4 },
    ];
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

/** Health that is asked for, whatever its status. */
const healthOf = async (
  stack: DemoStack,
  signal: AbortSignal,
): Promise<{ readonly status: string; readonly code: number }> => {
  const response = await fetch(`${stack.apiUrl}/adapter/health`, { signal });
  const { status } = (await response.json()) as { readonly status: string };
  return { status, code: response.status };
};

/** Health while the table is slow, while it hangs, and after that. */
const health = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say('  broken on purpose: the table is slow, then it hangs; health is asked all the while');
  const under = async (fault: object): Promise<string> => {
    const faults = [{ at: 'table/adapter-logs', ...fault }];
    await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
    const { status, code } = await healthOf(stack, signal);
    return `${status} (${code})`;
  };
  const before = await healthOf(stack, signal);
  try {
    // A probe is two calls: together over the 500 ms from which on a table is slow.
    // A machine that is busy adds to that: then the probe is out of time, and is asked again.
    let slow = await under({ kind: 'delay', ms: 300 });
    for (let more = SLOW_TRIES - 1; more > 0 && slow !== 'warn (200)'; more -= 1)
      slow = await under({ kind: 'delay', ms: 300 });
    const hanging = await under({ kind: 'hang' });
    await callStack(stack, 'DELETE', '/faults', { admin: true });
    let after = await healthOf(stack, signal);
    // What hung has to end first.
    for (
      const deadlineMs = performance.now() + PATIENCE_MS;
      after.status === 'fail' && performance.now() < deadlineMs;
    ) {
      await sleep(POLL_MS, undefined, { signal });
      after = await healthOf(stack, signal);
    }
    return [
      { what: 'a slow table is a warning', seen: slow, held: slow === 'warn (200)' },
      {
        what: 'a table that hangs fails health, which answers all the same',
        seen: hanging,
        held: hanging === 'fail (503)',
      },
      { what: 'health comes back', seen: `${before.status}, then ${after.status}`, held: after.status !== 'fail' },
    ];
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

export const adapterDemo: Demo = Object.freeze({
  pattern: 'adapter',
  run: async (stack, screen, signal) => [
    ...(await health(stack, screen, signal)),
    ...(await lines(stack, screen, signal)),
  ],
} satisfies Demo);
