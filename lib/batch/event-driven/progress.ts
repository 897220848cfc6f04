import { persist, type Pause } from '#batch/pause';
import type { Table } from '#primitives/table';
import type { Pipeline } from './pipeline.ts';
import { numberOf } from '#primitives/field-values';
import { countsOf, headKey, LANES } from './records.ts';
import { NOTHING, readTally, type Counts } from './tally.ts';
import { ACCEPT, type Stage } from './types.ts';

/** How one stage stands. `in = out + Σ filtered + deadLettered`, at every read. */
export interface StageProgress extends Counts {
  readonly stage: string;
  readonly kind: Stage['kind'];
  /** What was sent to it and is not yet dealt with: in its queue, or held by the merger. */
  readonly waiting: number;
}

export interface PipelineProgress {
  readonly pipeline: string;
  /** Different events that were taken in. */
  readonly accepted: number;
  /** In the order in which events pass them. */
  readonly stages: readonly StageProgress[];
}

/** What came out of the merger, and by which input. */
const readMerger = async (table: Table, pipeline: string, pause: Pause) => {
  const keys = Array.from({ length: LANES }, (_, lane) => headKey(pipeline, lane));
  const heads = await persist('read heads', pause, () => table.getMany(keys));
  const length = heads.reduce((sum, head) => sum + numberOf(head?.length), 0);
  const inputs: Record<string, number> = {};
  for (const head of heads)
    for (const [input, count] of Object.entries(countsOf(head?.inputs))) inputs[input] = (inputs[input] ?? 0) + count;
  return { counts: { ...NOTHING, in: length, out: length }, inputs };
};

const sumOf = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/**
 * How a pipeline stands. Stages are read against the stream, so that none is seen to have dealt with what those before it
 * are not yet seen to have sent: `waiting` is never negative.
 *
 * API calls: one for each stage and one for what was accepted (more beyond 1 MB of records, one of which is written for
 * each cold start and stage).
 */
export const readProgress = async (table: Table, pipeline: Pipeline, pause: Pause): Promise<PipelineProgress> => {
  const counts = new Map<string, Counts>();
  for (const stage of pipeline.order.toReversed()) {
    const isMerger = stage === pipeline.merger;
    counts.set(
      stage,
      isMerger
        ? (await readMerger(table, pipeline.name, pause)).counts
        : await persist('read tally', pause, () => readTally(table, pipeline.name, stage)),
    );
  }
  const accepted = await persist('read tally', pause, () => readTally(table, pipeline.name, ACCEPT));
  const sentTo = (stage: string): number =>
    stage === pipeline.first
      ? accepted.out
      : sumOf(
          Object.fromEntries(
            pipeline.edges
              .filter(({ to }) => to === stage)
              .map(({ from, label }) => [label, counts.get(from)?.sent[label] ?? 0]),
          ),
        );
  // What somebody puts into a queue of a stage by hand comes in there, and nobody has sent it.
  const stages = pipeline.order.map((stage): StageProgress => {
    const own = counts.get(stage) ?? NOTHING;
    return {
      stage,
      kind: pipeline.stages[stage]?.kind ?? 'worker',
      ...own,
      waiting: Math.max(0, sentTo(stage) - own.in),
    };
  });
  return { pipeline: pipeline.name, accepted: accepted.out, stages };
};

/**
 * What is wrong with the counts of a pipeline: a sentence for each law that they break, none when they keep them.
 *
 * - each stage: in = out + Σ filtered + deadLettered, and each event that went on was sent by one branch (by all of a
 *   copier);
 * - between stages: what was sent to a stage came in there or waits;
 * - with `isDone`: nothing waits.
 */
export const conservationProblems = (
  pipeline: Pipeline,
  { accepted, stages }: PipelineProgress,
  isDone = false,
): readonly string[] => {
  const byName = new Map(stages.map((stage) => [stage.stage, stage]));
  const problems: string[] = [];
  for (const { stage, kind, waiting, ...counts } of stages) {
    const { in: came, out, deadLettered, filtered, sent } = counts;
    const ended = out + deadLettered + sumOf(filtered);
    if (came !== ended) problems.push(`${stage}: ${came} came in, ${ended} are accounted for`);
    const edges = pipeline.edges.filter(({ from }) => from === stage);
    const copies = kind === 'copier' ? edges.length : Math.min(1, edges.length);
    if (kind !== 'merger' && sumOf(sent) !== out * copies)
      problems.push(`${stage}: ${out} went on, ${sumOf(sent)} were sent by ${edges.length} branches`);
    const arriving = pipeline.edges.filter(({ to }) => to === stage);
    const sentTo =
      stage === pipeline.first
        ? accepted
        : arriving.reduce((sum, { from, label }) => sum + (byName.get(from)?.sent[label] ?? 0), 0);
    if (sentTo !== came + waiting || waiting < 0)
      problems.push(`${stage}: ${sentTo} were sent to it, ${came} came in, ${waiting} wait`);
    if (isDone && waiting !== 0) problems.push(`${stage}: ${waiting} still wait`);
  }
  return problems;
};
