/** Coordinated batch (Burns, chapter 13): joins that fire once, and reductions by a tree of functions. */
export { joinConsumer } from './join/consumer.ts';
export { joins, type Joins } from './join/join.ts';
export type { JoinOptions } from './join/store.ts';
export * from './join/types.ts';
export { reductionConsumer } from './reduce/consumer.ts';
export { countReducer, histogramReducer, sumReducer, wordcountReducer, type ReductionKind } from './reduce/kinds.ts';
export { fold, type Reducer, type ReductionItem } from './reduce/reducer.ts';
export { reductions, type Reductions } from './reduce/reductions.ts';
export type { ReductionOptions } from './reduce/store.ts';
export type { ReductionPlan, ReductionStatus, ReductionView } from './reduce/types.ts';
export { imageConsumer } from './images/consumer.ts';
export { images, type Images } from './images/images.ts';
export { sharpPictures } from './images/picture.ts';
export type { Picture, Pictures, Share } from './images/pictures.ts';
export type { ImagesOptions } from './images/store.ts';
export type { ImagesPlan, ImagesStatus, ImagesView, Region } from './images/types.ts';
