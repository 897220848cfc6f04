import { hash32 } from '#primitives/hash';
import { sha256 } from '#primitives/sha256';
import type { FieldValue, Key } from '#primitives/table';

/** The merger's output is so many logs beside each other: a key is in one of them, and they are written side by side. */
export const LANES = 8;

const DIGITS = 12;
export const padded = (number: number): string => String(number).padStart(DIGITS, '0');
export const digest = (text: string): string => sha256(text).slice(0, 40);

/** That an event was accepted, and its number within its key. */
export const acceptedKey = (pipeline: string, id: string): Key => ({
  partition: `accepted/${pipeline}/${id}`,
  sort: 'accepted',
});
/** The number of the next event of a key. Never deleted: numbers that began anew would be taken for old ones. */
export const numbersKey = (pipeline: string, key: string): Key => ({
  partition: `numbers/${pipeline}/${key}`,
  sort: 'next',
});
/** How far a list was taken in, by its message. */
export const listKey = (messageId: string): Key => ({ partition: `list/${messageId}`, sort: 'list' });
/** What a stage has decided of an event: its marker, which is written once. */
export const markKey = (pipeline: string, stage: string, id: string): Key => ({
  partition: `mark/${pipeline}/${stage}/${id}`,
  sort: 'mark',
});
export const tallyPartition = (pipeline: string): string => `tally/${pipeline}`;
/** What one host has counted at a stage. */
export const tallyKey = (pipeline: string, stage: string, slot: string): Key => ({
  partition: tallyPartition(pipeline),
  sort: `${stage}/${slot}`,
});
/** How far the merger is with a key. Never deleted, as its numbers. */
export const mergedKey = (pipeline: string, key: string): Key => ({
  partition: `merged/${pipeline}/${key}`,
  sort: 'state',
});
export const heldPartition = (pipeline: string, key: string): string => `held/${pipeline}/${key}`;
/** What waits at the merger for those before it. */
export const heldKey = (pipeline: string, key: string, seq: number, input: string): Key => ({
  partition: heldPartition(pipeline, key),
  sort: `${padded(seq)}/${input}`,
});
/** How long the log of a lane is, and how much of it came by which input. */
export const headKey = (pipeline: string, lane: number): Key => ({
  partition: `head/${pipeline}`,
  sort: `${lane}`,
});
export const outputPartition = (pipeline: string, lane: number): string => `output/${pipeline}/${lane}`;
export const outputKey = (pipeline: string, lane: number, position: number): Key => ({
  partition: outputPartition(pipeline, lane),
  sort: padded(position),
});
export const laneOf = (key: string): number => hash32(key, 1) % LANES;

/** A map of counts. */
export const countsOf = (value: FieldValue | undefined): Readonly<Record<string, number>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Set)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
      )
    : {};
