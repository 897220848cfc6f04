/** Coordinated batch (Burns, chapter 13): joins that fire once, and reductions by a tree of functions. */
export { joinConsumer } from './join/consumer.ts';
export { joins, type Joins } from './join/join.ts';
export type { JoinOptions } from './join/store.ts';
export * from './join/types.ts';
