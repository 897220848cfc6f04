/** The ports: what the patterns need of queues, tables, buses, buckets, functions, time and chance. */
export * from './bus.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './invoker.ts';
export * from './log.ts';
export * from './objects.ts';
export * from './queue.ts';
export * from './random.ts';
export * from './table.ts';
