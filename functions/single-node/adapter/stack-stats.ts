import type { JsonStatsOptions } from '#single-node/adapter/json-stats';

/**
 * What of the JSON behind `STATS_URL` is which metric. This is the embedded place's own count of calls, at `/_stack/calls`
 * of its AWS endpoint; for another program, another mapping.
 */
export const STACK_STATS: JsonStatsOptions = {
  metrics: [
    {
      pointer: '',
      each: 'operation',
      name: 'stack_api_calls_total',
      help: 'Calls that the AWS endpoint of the stack has had, by operation.',
      type: 'counter',
    },
  ],
  maxSeriesCount: 200,
};
