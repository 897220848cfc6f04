/** The ports: what the patterns need of queues, tables, buses, buckets, functions, time, chance and logs. */
export * from './bus.ts';
export * from './clock.ts';
export type { ConcurrencyLimit } from './concurrency-limit.ts';
export * from './errors.ts';
export * from './invoker.ts';
export * from './log.ts';
export * from './objects.ts';
export * from './queue.ts';
export * from './random.ts';
export * from './table.ts';

/** The clock, the chance and the log of a real host. */
export { jsonLog } from './json-log.ts';
export { systemClock } from './system-clock.ts';
export { systemRandom } from './system-random.ts';
