import { problem, type Handlers } from '#http/handlers';
import type { RawRequest } from '#http/raw';
import type { Broker } from '#single-node/ambassador/broker';
import type { ExperimentReport, Experiments } from '#single-node/ambassador/experiments';
import type { Registry } from '#single-node/ambassador/registry';
import type { ShardedValues } from '#single-node/ambassador/sharded-values';
import type { Splitter } from '#single-node/ambassador/splitter';
import type { Service, ServiceRequest } from '#single-node/ambassador/types';
import type { ambassadorApi } from './api.ts';
import { answerOf } from './problems.ts';

/** The client shall hear from us, not from the platform, that there was no answer in time. */
const TIME_TO_ANSWER_MS = 250;

const requestOf = ({ method, rest, query, headers, body }: RawRequest): ServiceRequest => ({
  method,
  path: rest,
  query,
  headers,
  body,
});

const shownService = (name: string, { url, healthPath, timeoutMs }: Service) => ({
  name,
  target: url,
  ...(healthPath === undefined ? {} : { healthPath }),
  timeoutMs,
});

const shownReport = ({ experiment, counts, sampleRatio }: ExperimentReport) => {
  const { version: _, ...shown } = experiment;
  return { ...shown, counts, sampleRatio };
};

const noService = (name: string) => problem(404, { detail: `There is no service '${name}'.` });
const noExperiment = (name: string) => problem(404, { detail: `There is no experiment '${name}'.` });

export const ambassadorHandlers = (options: {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly experiments: Experiments;
  readonly splitter: Splitter;
  readonly values: ShardedValues;
  /** Whether the fleet has opened the breaker of a service. */
  readonly isOpenInFleet: (service: string) => Promise<boolean>;
}): Handlers<typeof ambassadorApi> => {
  const { registry, broker, experiments, splitter, values, isOpenInFleet } = options;
  return {
    register: async ({ params: { name }, body }) => {
      const outcome = await registry.put(name, body);
      if (outcome.status === 'registered') return { status: 200, body: shownService(name, outcome.service) };
      const { field, reason } = outcome;
      return problem(400, { type: 'invalid-request', detail: reason, errors: { [field]: [reason] } });
    },
    service: async ({ params: { name } }) => {
      const service = await registry.get(name);
      return service === undefined ? noService(name) : { status: 200, body: shownService(name, service) };
    },
    broker: async ({ params: { service }, raw, traceparent, signal, remainingMs }) => {
      const deadlineMs = remainingMs - TIME_TO_ANSWER_MS;
      return answerOf(service, await broker.send(service, requestOf(raw), { deadlineMs, traceparent, signal }));
    },
    breaker: async ({ params: { service } }) => {
      if ((await registry.get(service)) === undefined) return noService(service);
      const view = broker.breaker(service);
      if (view.status !== 'closed')
        return { status: 200, body: { service, state: view.status, retryAfterMs: Math.ceil(view.retryAfterMs) } };
      return { status: 200, body: { service, state: (await isOpenInFleet(service)) ? 'open' : 'closed' } };
    },
    experiment: async ({ params: { name }, body }) => {
      await experiments.put(name, body);
      const report = await experiments.report(name);
      return report === undefined ? noExperiment(name) : { status: 200, body: shownReport(report) };
    },
    report: async ({ params: { name } }) => {
      const report = await experiments.report(name);
      return report === undefined ? noExperiment(name) : { status: 200, body: shownReport(report) };
    },
    split: async ({ params: { experiment }, raw, traceparent, signal, remainingMs }) => {
      const deadlineMs = remainingMs - TIME_TO_ANSWER_MS;
      const split = await splitter.send(experiment, requestOf(raw), { deadlineMs, traceparent, signal });
      if (split.status === 'unknown-experiment') return noExperiment(experiment);
      return answerOf(split.variant, split.outcome, { 'x-variant': split.variant });
    },
    shardValue: async ({ params: { key } }) => {
      const { shard, value } = await values.get(key);
      const headers = { 'x-shard': shard };
      if (value === undefined) return problem(404, { detail: 'There is no value under this key.', headers });
      return { status: 200, body: { key, value }, headers };
    },
    putShardValue: async ({ params: { key }, body: { value } }) => {
      const { shard } = await values.put(key, value);
      return { status: 200, body: { key, shard }, headers: { 'x-shard': shard } };
    },
  };
};
