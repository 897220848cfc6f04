import type { Fate } from './ledger.ts';
import type { StageMessage, VoidMessage } from './messages.ts';
import { edgeLabel, stepOf, voidLabel, type Pipeline } from './pipeline.ts';
import type { PipelineEvent } from './types.ts';

/** What a stage sends for one event, and where to. */
export type Emission =
  | { readonly to: 'stage'; readonly urgent: boolean; readonly message: StageMessage }
  | { readonly to: 'bus'; readonly message: StageMessage }
  | { readonly to: 'topic'; readonly topic: string; readonly event: PipelineEvent }
  | { readonly to: 'merger'; readonly message: StageMessage | VoidMessage };

const voidOf = (
  pipeline: Pipeline,
  stage: string,
  { event, seq, share = 0, trace }: StageMessage,
): readonly Emission[] =>
  pipeline.merger === undefined || share === 0
    ? []
    : [
        {
          to: 'merger',
          message: {
            pipeline: pipeline.name,
            stage: pipeline.merger,
            input: voidLabel(stage),
            void: { id: event.id, key: event.key },
            seq,
            share,
            ...(trace === undefined ? {} : { trace }),
          },
        },
      ];

/** An event for a stage, by the way that leads there. */
export const toStage = (pipeline: Pipeline, message: StageMessage): Emission => {
  if (message.stage === pipeline.merger) return { to: 'merger', message };
  const step = stepOf(pipeline, message.stage);
  if (step?.via === 'bus') return { to: 'bus', message };
  return { to: 'stage', urgent: step?.urgent?.(message.event) === true, message };
};

/**
 * What goes on of an event that was dealt with: the event itself, by its branches; and where the merger would wait for
 * it in vain, what tells it so. The same for one event and fate, however often it is asked.
 */
export const emissionsOf = (pipeline: Pipeline, message: StageMessage, fate: Fate): readonly Emission[] => {
  const { stage, seq, share = 0, trace } = message;
  const step = stepOf(pipeline, stage);
  if (fate.kind !== 'out' || step === undefined) return voidOf(pipeline, stage, message);
  const event = { ...message.event, ...fate.change };
  const targets = fate.to.flatMap((branch) => {
    const target = step.outputs[branch];
    return target === undefined ? [] : [{ branch, target }];
  });
  const leading = targets.filter(({ target }) => pipeline.leadsToMerger(target)).length;
  const sent = targets.map(({ branch, target }): Emission => {
    if (typeof target !== 'string') return { to: 'topic', topic: target.topic, event };
    return toStage(pipeline, {
      pipeline: pipeline.name,
      stage: target,
      input: edgeLabel(stage, branch),
      event,
      seq,
      ...(share > 0 && pipeline.leadsToMerger(target) ? { share: share / leading } : {}),
      ...(trace === undefined ? {} : { trace }),
    });
  });
  return leading === 0 ? [...sent, ...voidOf(pipeline, stage, message)] : sent;
};
