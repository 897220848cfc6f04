import { LeafError } from '#serving/scatter-gather/documents/function-leaf';
import type { DocumentSearch } from '#serving/scatter-gather/documents/document-search';
import { leafAdvice } from '#serving/scatter-gather/leaf-advice';
import type { Missing } from '#serving/scatter-gather/types';
import { problem, type Handlers } from '#http/handlers';
import { UnavailableError } from '#primitives/errors';
import { queueText } from '#primitives/queue-text';
import type { Queue } from '#primitives/queue';
import { TRACEPARENT } from '#primitives/trace';
import type { scatterGatherApi } from './api.ts';

const LEAST_SAMPLES = 100;
const MAX_ADVISED = 40;

/** Of the kinds of failure those that say something to whoever asks; nothing of the insides. */
const reasonOf = ({ reason, error }: Missing): 'deadline' | 'failed' | 'throttled' | 'garbled' => {
  if (reason === 'deadline' || !(error instanceof LeafError)) return reason;
  if (error.code.endsWith('-throttled')) return 'throttled';
  return error.code.endsWith('-garbled') ? 'garbled' : 'failed';
};

export const scatterGatherHandlers = (options: {
  readonly search: DocumentSearch;
  readonly documents: Queue;
  readonly leafCount: number;
}): Handlers<typeof scatterGatherApi> => {
  const { search, documents, leafCount } = options;
  return {
    addDocuments: async ({ body, traceparent }) => {
      const [outcome] = await documents.sendBatch([
        { body: queueText(JSON.stringify(body)), attributes: { [TRACEPARENT]: traceparent } },
      ]);
      if (outcome?.ok !== true) throw new UnavailableError('The queue of documents');
      return { status: 202, body: { accepted: body.documents.length } };
    },
    search: async ({ query, traceparent, signal, log }) => {
      const { q, limit, deadlineMs, quorum = 1 } = query;
      if (quorum > leafCount) {
        const expected = `Expected an integer from 1 to ${leafCount} (leaves).`;
        return problem(400, { detail: 'There are not so many leaves.', errors: { quorum: [expected] } });
      }
      const found = await search.search(q, { limit, deadlineMs, quorum, traceparent, signal });
      const missing = found.missing.map((each) => ({ leaf: each.leaf, reason: reasonOf(each) }));
      for (const { leaf, reason, error } of found.missing) log.warn('a leaf is missing', { leaf, reason, error });
      if (found.status === 'too-few') {
        const names = missing.map(({ leaf, reason }) => `${leaf} (${reason})`).join(', ');
        return problem(503, {
          type: 'quorum-missed',
          detail: `${found.answered.length} of ${leafCount} leaves answered, ${quorum} are asked for. Missing: ${names}.`,
        });
      }
      return {
        status: 200,
        body: {
          results: found.answer,
          leaves: { answered: found.answered.length, missing },
          hedged: found.hedgedCount,
          repeated: found.repeatedCount,
          tookMs: Math.round(found.tookMs),
        },
      };
    },
    advice: async ({ query: { percentile } }) => {
      const samples = search.samples();
      if (samples.length < LEAST_SAMPLES) {
        const seen = `${samples.length} of ${LEAST_SAMPLES} calls of leaves that are needed were seen by this host.`;
        return problem(409, { type: 'too-few-samples', detail: `${seen} Search more.` });
      }
      const advice = leafAdvice({ samples, leafCount, quantile: percentile / 100, maxLeafCount: MAX_ADVISED });
      return { status: 200, body: { ...advice, sampleCount: samples.length } };
    },
  };
};
