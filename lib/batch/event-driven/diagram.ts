import type { Pipeline } from './pipeline.ts';
import type { Stage } from './types.ts';

/** Mermaid's forms of a box, by what the stage does. */
const FORMS: Readonly<Record<Stage['kind'], readonly [string, string]>> = {
  copier: ['[/', '\\]'],
  filter: ['{{', '}}'],
  splitter: ['{', '}'],
  sharder: ['{', '}'],
  worker: ['[', ']'],
  merger: ['[\\', '/]'],
};

const nodeId = (name: string): string => name.replaceAll(/\W/g, '_');

/** A mermaid flowchart of a pipeline: stages, what they filter, branches, and what goes by the bus. */
export const diagramOf = (pipeline: Pipeline): string => {
  const nodes = pipeline.order.map((name) => {
    const stage = pipeline.stages[name];
    const [open, close] = FORMS[stage?.kind ?? 'worker'];
    return `  ${nodeId(name)}${open}"${name}: ${stage?.kind ?? ''}"${close}`;
  });
  const edges = pipeline.edges.map(({ from, branch, to }) => {
    if (typeof to !== 'string') return `  ${nodeId(from)} -. "bus" .-> topic_${nodeId(to.topic)}(["${to.topic}"])`;
    const stage = pipeline.stages[to];
    const isByBus = stage !== undefined && stage.kind !== 'merger' && stage.via === 'bus';
    const label = [...(branch === 'out' || branch === to ? [] : [branch]), ...(isByBus ? ['bus'] : [])].join(', ');
    return `  ${nodeId(from)} -->${label === '' ? '' : `|"${label}"|`} ${nodeId(to)}`;
  });
  const drops = pipeline.order.flatMap((name) => {
    const stage = pipeline.stages[name];
    if (stage === undefined || stage.kind === 'merger' || stage.reasons.length === 0) return [];
    return [`  ${nodeId(name)} -. "${stage.reasons.join(', ')}" .-> filtered_${nodeId(name)}((filtered))`];
  });
  const ends =
    pipeline.merger === undefined
      ? []
      : [`  ${nodeId(pipeline.merger)} --> output[("output, in the order of each key")]`];
  return [
    'flowchart LR',
    `  accept(["accept"]) --> ${nodeId(pipeline.first)}`,
    ...nodes,
    ...edges,
    ...drops,
    ...ends,
  ].join('\n');
};
