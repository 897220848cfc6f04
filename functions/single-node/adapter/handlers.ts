import { problem, type Handlers } from '#http/handlers';
import type { Clock } from '#primitives/clock';
import { prometheusText } from '#single-node/adapter/exposition';
import type { HealthReport } from '#single-node/adapter/health';
import { severityNumber, type LogEntry } from '#single-node/adapter/log-entry';
import type { Severity } from '#single-node/adapter/log-line';
import type { LogSender } from '#single-node/adapter/log-sender';
import type { LogStore } from '#single-node/adapter/log-store';
import type { MetricFamily } from '#single-node/adapter/metric';
import type { adapterApi } from './api.ts';

const DEFAULT_PAGE = 50;

const badCursor = () =>
  problem(400, {
    detail: 'The cursor was not given by this route for this day.',
    errors: { cursor: ['Expected a cursor of a page.'] },
  });

/** Of a source, and as bad as that or worse; an entry without a severity is of none. */
const wanted =
  ({ source, severity }: { readonly source?: string | undefined; readonly severity?: Severity | undefined }) =>
  (entry: LogEntry): boolean =>
    (source === undefined || entry.source === source) &&
    (severity === undefined || (entry.severitynumber ?? 0) >= severityNumber(severity));

export const adapterHandlers = (options: {
  readonly metrics: () => Promise<readonly MetricFamily[]>;
  readonly health: () => Promise<HealthReport>;
  readonly send: LogSender;
  readonly store: LogStore;
  readonly clock: Clock;
}): Handlers<typeof adapterApi> => {
  const { metrics, health, send, store, clock } = options;
  return {
    metrics: async () => ({ status: 200, body: prometheusText(await metrics()) }),
    health: async () => {
      const report = await health();
      return report.status === 'fail'
        ? { status: 503, body: report, headers: { 'retry-after': '5' } }
        : { status: 200, body: report };
    },
    addLogs: async ({ body, operationId: batchId, traceparent }) => {
      await send({ ...body, batchId }, traceparent);
      return { status: 202, body: { batchId, lines: body.lines.length } };
    },
    logs: async ({ query }) => {
      const { day = new Date(clock.nowMs()).toISOString().slice(0, 10), cursor, limit = DEFAULT_PAGE } = query;
      const page = await store.page({
        day,
        limit,
        filter: wanted(query),
        ...(cursor === undefined ? {} : { before: cursor }),
      });
      if (page === undefined) return badCursor();
      const { entries, next } = page;
      return { status: 200, body: { day, entries, ...(next === undefined ? {} : { cursor: next }) } };
    },
  };
};
