import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';
import { inParts, wordnetDocuments } from './wordnet.ts';

const DOCUMENT_COUNT = 12_000;
const PATIENCE_MS = 240_000;
const POLL_MS = 300;
const SEARCHES = 40;
const QUERY = 'large dog breed';

type Documents = Awaited<ReturnType<typeof wordnetDocuments>>;

interface Found {
  readonly results: readonly { readonly id: string; readonly score: number; readonly excerpt: string }[];
  readonly leaves: {
    readonly answered: number;
    readonly missing: readonly { readonly leaf: string; readonly reason: string }[];
  };
  readonly hedged: number;
  readonly repeated: number;
  readonly tookMs: number;
}

const search = (stack: DemoStack, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Found> =>
  callStack<Found>(stack, 'GET', `/scatter-gather/search?${new URLSearchParams(query).toString()}`, { signal });

/** Posts the documents, part by part, and waits until the last of each part can be found. */
const load = async (stack: DemoStack, documents: Documents, screen: DemoScreen, signal: AbortSignal): Promise<void> => {
  const bar = screen.progress('documents', documents.length);
  const parts = inParts(documents);
  for (const part of parts)
    await callStack(stack, 'POST', '/scatter-gather/documents', { body: { documents: part }, signal });
  const endAtMs = performance.now() + PATIENCE_MS;
  let done = 0;
  for (const part of parts) {
    const last = part.at(-1);
    for (;;) {
      const found = await search(
        stack,
        { q: last?.text.slice(0, 400) ?? '', limit: '100', deadlineMs: '8000' },
        signal,
      );
      if (found.results.some(({ id }) => id === last?.id)) break;
      if (performance.now() > endAtMs) throw new Error(`'${last?.id}' is not found within ${PATIENCE_MS / 1000} s.`);
      await sleep(POLL_MS, undefined, { signal });
    }
    bar.update((done += part.length));
  }
  bar.stop();
};

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? 0;

/** Searches while `faults` are on, one after the other. */
const searchesUnder = async (
  stack: DemoStack,
  faults: readonly object[],
  query: Readonly<Record<string, string>>,
  count: number,
  signal: AbortSignal,
): Promise<readonly Found[]> => {
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    const found: Found[] = [];
    for (let n = 0; n < count; n += 1) found.push(await search(stack, query, signal));
    return found;
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

const hangingLeaf = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const whole = await search(stack, { q: QUERY }, signal);
  for (const { score, excerpt } of whole.results.slice(0, 3)) screen.say(`  ${score.toFixed(2)}  ${excerpt}`);
  screen.say('  broken on purpose: leaf-3 hangs; the search has 1500 ms');
  const query = { q: QUERY, deadlineMs: '1500', limit: '100' };
  const [found] = await searchesUnder(stack, [{ at: 'scatter-gather/leaf-3', kind: 'hang' }], query, 1, signal);
  const missing = found?.leaves.missing ?? [];
  const rest = whole.results.filter(({ id }) => found?.results.some((each) => each.id === id));
  const scored = rest.every(({ id, score }) => found?.results.some((each) => each.id === id && each.score === score));
  return [
    {
      what: 'all leaves answer, and the answer is whole',
      seen: `${whole.leaves.answered} leaves, ${whole.results.length} results`,
      held: whole.leaves.missing.length === 0 && whole.results.length > 0,
    },
    {
      what: 'a leaf that hangs is named, and the others answer by the deadline',
      seen: `${found?.leaves.answered} answered in ${found?.tookMs} ms, missing ${missing.map(({ leaf, reason }) => `${leaf} (${reason})`).join(', ')}`,
      held: missing.some(({ leaf, reason }) => leaf === 'leaf-3' && reason === 'deadline'),
    },
    {
      what: 'what is there has the scores of the whole answer',
      seen: `${rest.length} of the first ${whole.results.length} results are there`,
      held: rest.length > 0 && scored,
    },
  ];
};

const straggler = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say('  broken on purpose: every tenth call of leaf-1 takes two seconds more');
  const faults = [{ at: 'scatter-gather/leaf-1', kind: 'delay', ms: 2_000, rate: 0.1, seed: 5 }];
  const found = await searchesUnder(stack, faults, { q: QUERY, deadlineMs: '8000' }, SEARCHES, signal);
  const slow = found.filter(({ tookMs }) => tookMs >= 2_000).length;
  const hedged = found.reduce((sum, each) => sum + each.hedged, 0);
  const took = found.map(({ tookMs }) => tookMs);
  return [
    {
      what: 'late leaves are asked once more, and searches do not wait for them',
      seen: `${hedged} hedges, ${slow} of ${SEARCHES} searches waited; median ${percentile(took, 0.5)} ms, p95 ${percentile(took, 0.95)} ms`,
      held: hedged > 0 && slow <= 2,
    },
    {
      what: 'every answer is whole',
      seen: `${found.filter(({ leaves }) => leaves.missing.length === 0).length} of ${SEARCHES}`,
      held: found.every(({ leaves }) => leaves.missing.length === 0),
    },
  ];
};

/** Documents of WordNet, searched while leaves hang and dawdle. */
export const scatterGatherDemo = Object.freeze({
  pattern: 'scatter-gather',
  run: async (stack, screen, signal) => {
    await load(stack, await wordnetDocuments(DOCUMENT_COUNT), screen, signal);
    // Latencies to go by: nothing is late before some are known.
    for (let n = 0; n < SEARCHES; n += 1) await search(stack, { q: QUERY, deadlineMs: '8000' }, signal);
    return [...(await hangingLeaf(stack, screen, signal)), ...(await straggler(stack, screen, signal))];
  },
} satisfies Demo);
