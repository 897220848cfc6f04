import { checkNames } from '#primitives/checks';
import type { Random } from '#primitives/random';
import type { Broker } from './broker.ts';
import { stickyOf, variantOf } from './experiment.ts';
import type { Experiments } from './experiments.ts';
import { isServiceFailure, type BrokerOutcome } from './outcome.ts';
import type { Shadow } from './shadow.ts';
import type { Counts } from './variant-counts.ts';
import type { ServiceRequest } from './types.ts';

export interface SplitterOptions {
  readonly experiments: Experiments;
  readonly counts: Counts;
  readonly broker: Broker;
  readonly shadow: Shadow;
  readonly random: Random;
}

export type SplitOutcome =
  | { readonly status: 'unknown-experiment' }
  | { readonly status: 'split'; readonly variant: string; readonly outcome: BrokerOutcome };

/** Splits requests over the variants of an experiment, copies them to its shadow, and counts what comes of them. */
export interface Splitter {
  /** As `broker.send`, to the service that is the sender's variant. */
  send(experiment: string, request: ServiceRequest, how: Parameters<Broker['send']>[2]): Promise<SplitOutcome>;
}

/** What the client would call an error. */
const isError = (outcome: BrokerOutcome): boolean =>
  outcome.status === 'answered' ? isServiceFailure(outcome.answer) : outcome.status !== 'refused';

export const splitter = (options: SplitterOptions): Splitter => {
  checkNames(options, ['experiments', 'counts', 'broker', 'shadow', 'random']);
  const { experiments, counts, broker, shadow, random } = options;
  const nothing = (): Promise<void> => Promise.resolve();

  return Object.freeze<Splitter>({
    send: async (name, request, how) => {
      const experiment = await experiments.get(name);
      if (experiment === undefined) return { status: 'unknown-experiment' };
      const sticky = stickyOf(experiment, request.headers);
      const variant = variantOf(experiment, sticky, random);
      const { shadow: service, version } = experiment;
      const { traceparent } = how;
      const handedOver = service === undefined ? nothing : shadow.start({ service, request, traceparent });
      counts.flushSoon(name, version);
      try {
        const outcome = await broker.send(variant, request, how);
        const sender = sticky === undefined ? {} : { sender: sticky };
        experiments.count(experiment, variant, { isError: isError(outcome), ...sender });
        return { status: 'split', variant, outcome };
      } finally {
        await handedOver();
      }
    },
  });
};
