/** Placing keys on nodes: speed, evenness, what moves when a node is added, and what that costs. */
import { slotTable } from '../../lib/serving/sharded/slot-table.ts';
import type { Benchmark, Goal } from './benchmark.ts';
import { CONTESTANTS, type Contestant } from './hash-rings.ts';
import { inRounds, median, ratio, rounded, type Rounds } from './rounds.ts';

const NODE_COUNTS = [10, 100, 1_000] as const;
const LOOKUP_COUNT = 30_000;
const LOOKUP_ROUNDS = 9;
const BUILD_ROUNDS = 3;
const KEY_COUNT = 1_000_000;
const OURS = 'slotTable';
const KIB = 1_024;

const nodes = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `node-${at}`);
/** One piece of memory each, as a key that came by a socket. */
const flat = (text: string): string => Buffer.from(text).toString('latin1');

const lookups = async (nodeCount: number, say: (progress: string) => void): Promise<Rounds> => {
  const placements = CONTESTANTS.map(({ name, build }) => ({ name, nodeOf: build(nodes(nodeCount)).nodeOf }));
  return inRounds({
    candidates: placements.map(({ name, nodeOf }, turn) => ({
      name,
      measure: async (round) => {
        // No key twice: hashring remembers the answers for the last five thousand.
        const keys = Array.from({ length: LOOKUP_COUNT }, (_, at) => flat(`user:${turn}:${round}:${at}`));
        let found = 0;
        const startedMs = performance.now();
        for (const key of keys) found += nodeOf(key).length;
        const tookMs = performance.now() - startedMs;
        if (found === 0) throw new Error(`${name} found no node.`);
        return (LOOKUP_COUNT * 1_000) / tookMs;
      },
    })),
    roundCount: LOOKUP_ROUNDS,
    say: (progress) => say(`look-ups, ${nodeCount} nodes, ${progress}`),
  });
};

interface Spread {
  readonly maxToMean: number;
  readonly movedToIdeal: number;
  readonly movedBetweenOld: number;
}

/** A million keys on a hundred nodes, and again on a hundred and one. */
const spreadOf = ({ build }: Contestant): Spread => {
  const before = build(nodes(100));
  const counts = new Map<string, number>();
  const homes: string[] = [];
  for (let at = 0; at < KEY_COUNT; at += 1) {
    const node = before.nodeOf(`key-${at}`);
    homes.push(node);
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  const after = addedTo(before, build);
  let moved = 0;
  let movedBetweenOld = 0;
  for (let at = 0; at < KEY_COUNT; at += 1) {
    const node = after(`key-${at}`);
    if (node === homes[at]) continue;
    moved += 1;
    if (node !== 'node-100') movedBetweenOld += 1;
  }
  return {
    maxToMean: (Math.max(...counts.values()) * 100) / KEY_COUNT,
    movedToIdeal: moved / (KEY_COUNT / 101),
    movedBetweenOld,
  };
};

/** By adding, not by building anew: consistent-hash draws its points, and a second ring of it is another one. */
const addedTo = (before: ReturnType<Contestant['build']>, build: Contestant['build']) => {
  const contestant = CONTESTANTS.find((each) => each.build === build);
  return contestant?.add(before, nodes(101)).nodeOf ?? before.nodeOf;
};

/** Milliseconds for one node more, and for a ring of all. */
const changes = async (
  nodeCount: number,
  say: (progress: string) => void,
): Promise<Readonly<Record<string, number>>> => {
  const table = slotTable({ shards: nodes(nodeCount) });
  const hashring = CONTESTANTS.find(({ name }) => name === 'hashring');
  const perSecond = (work: () => unknown) => async (): Promise<number> => {
    const startedMs = performance.now();
    work();
    return 1_000 / (performance.now() - startedMs);
  };
  const rounds = await inRounds({
    candidates: [
      { name: 'slotTable: one more', measure: perSecond(() => table.with('one more')) },
      { name: 'slotTable: build', measure: perSecond(() => slotTable({ shards: nodes(nodeCount) })) },
      { name: 'hashring: build', measure: perSecond(() => hashring?.build(nodes(nodeCount))) },
    ],
    roundCount: BUILD_ROUNDS,
    say: (progress) => say(`changes, ${nodeCount} nodes, ${progress}`),
  });
  return {
    ...Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, 1_000 / median(values)])),
    ratio: ratio(rounds, 'slotTable: one more', 'hashring: build'),
  };
};

export const benchmark: Benchmark = async (say) => {
  const speeds = new Map<number, Rounds>();
  for (const count of NODE_COUNTS) speeds.set(count, await lookups(count, say));
  say('a million keys');
  const spreads = new Map(CONTESTANTS.map((contestant) => [contestant.name, spreadOf(contestant)]));
  const hundred = await changes(100, say);
  const thousand = await changes(1_000, say);
  const times = (count: number, name: string, than: string): number => ratio(speeds.get(count) ?? {}, name, than);
  const ours = spreads.get(OURS);
  const { stateBytes } = slotTable({ shards: nodes(1_000) });
  const goals: readonly Goal[] = [
    ...NODE_COUNTS.flatMap((count) => [
      { figure: `look-ups × hashring, ${count} nodes`, atLeast: 25, measured: times(count, OURS, 'hashring') },
      {
        figure: `look-ups × consistent-hash, ${count} nodes`,
        atLeast: 1.5,
        measured: times(count, OURS, 'consistent-hash'),
      },
    ]),
    { figure: 'max/mean, 100 nodes', atMost: 1.07, measured: ours?.maxToMean ?? Number.NaN },
    { figure: 'moved/ideal, 100 → 101', atMost: 1.03, measured: ours?.movedToIdeal ?? Number.NaN },
    { figure: 'keys moved between old nodes', atMost: 0, measured: ours?.movedBetweenOld ?? Number.NaN },
    { figure: 'state, MiB', atMost: 1.5, measured: stateBytes / KIB / KIB },
    { figure: "hashring's build / one more, 1000 nodes", atLeast: 50, measured: thousand['ratio'] ?? Number.NaN },
  ];
  return {
    columns: [
      'candidate',
      ...NODE_COUNTS.map((count) => `× hashring, ${count}`),
      'max/mean',
      'moved/ideal',
      'old → old',
    ],
    rows: CONTESTANTS.map(({ name }) => {
      const spread = spreads.get(name);
      return [
        name,
        ...NODE_COUNTS.map((count) => rounded(times(count, name, 'hashring'))),
        rounded(spread?.maxToMean ?? Number.NaN),
        rounded(spread?.movedToIdeal ?? Number.NaN),
        spread?.movedBetweenOld ?? Number.NaN,
      ];
    }),
    goals,
    remarks: [
      `Look-ups a second of ours: ${NODE_COUNTS.map((count) => rounded(median(speeds.get(count)?.[OURS] ?? []))).join(', ')}; unique keys.`,
      ...[
        { count: 100, took: hundred },
        { count: 1_000, took: thousand },
      ].map(
        ({ count, took }) =>
          `${count} nodes, ms: one more ${rounded(took['slotTable: one more'] ?? 0)}, build ${rounded(took['slotTable: build'] ?? 0)}, ` +
          `hashring's build ${rounded(took['hashring: build'] ?? 0)} (${rounded(took['ratio'] ?? 0)} × one more).`,
      ),
      'consistent-hash draws its points by Math.random: two processes place keys differently. jump depends on the order.',
    ],
  };
};
