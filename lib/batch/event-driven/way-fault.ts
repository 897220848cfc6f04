import type { MergeMessage } from './messages.ts';
import { voidLabel, type Pipeline } from './pipeline.ts';

/**
 * Why nothing of the pipeline could have sent that; undefined when something could. What came with another share, or by
 * another input, would add up with nothing at the merger: its key would wait for ever, or not for what still comes.
 */
export const wayFault = (pipeline: Pipeline, message: MergeMessage): string | undefined => {
  const { stage, input, share } = message;
  const isVoid = input.startsWith(voidLabel(''));
  const due = isVoid === 'void' in message ? pipeline.shareBy(stage, input) : undefined;
  if (due === undefined) return `input: nothing comes to this stage by '${input}'`;
  return (share ?? 0) === due ? undefined : `share: ${share ?? 'none'} at this stage, where it is ${due}`;
};
