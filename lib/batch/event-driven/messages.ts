import * as v from 'valibot';
import { boundedText, parseMessage, recordable, type Parsed } from '#batch/message';
import { bytesOf, MAX_EVENT_BYTES } from './event-size.ts';

const MAX_ID_BYTES = 256;
const MAX_TYPE_BYTES = 128;
/** Events in one list. */
const MAX_EVENTS = 1_000;

/** What comes to a pipeline, and what its stages make of it. */
export const pipelineEvent = v.strictObject({
  id: boundedText(MAX_ID_BYTES),
  key: boundedText(MAX_ID_BYTES),
  type: boundedText(MAX_TYPE_BYTES),
  data: v.optional(recordable('data'), null),
});

const sized = v.pipe(
  pipelineEvent,
  v.check(
    (event) => bytesOf(event) <= MAX_EVENT_BYTES,
    `Expected an event of at most ${MAX_EVENT_BYTES} bytes as JSON`,
  ),
);

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const trace = v.optional(v.pipe(v.string(), v.maxLength(512)));
/** What weighs nothing the merger would never have all of. */
const weight = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

/** A list of events for a pipeline: what HTTP takes, with the pipeline's name. */
export const listMessage = v.strictObject({
  pipeline: name,
  events: v.pipe(
    v.array(pipelineEvent),
    v.minLength(1),
    v.maxLength(MAX_EVENTS, `Expected at most ${MAX_EVENTS} events`),
  ),
  trace,
});
export type ListMessage = v.InferOutput<typeof listMessage>;

/**
 * An event on its way to a stage. `seq` is its number within its key, from 0 on; `share` is what it weighs at the
 * merger, absent where it does not lead there.
 */
export const stageMessage = v.strictObject({
  pipeline: name,
  stage: name,
  input: v.pipe(v.string(), v.maxLength(128)),
  event: sized,
  seq: count,
  share: v.optional(count),
  trace,
});
export type StageMessage = v.InferOutput<typeof stageMessage>;

/** What tells the merger that of this number so much will not come: it was filtered, has failed, or went elsewhere. */
export const voidMessage = v.strictObject({
  pipeline: name,
  stage: name,
  input: v.pipe(v.string(), v.maxLength(128)),
  void: v.strictObject({ id: boundedText(MAX_ID_BYTES), key: boundedText(MAX_ID_BYTES) }),
  seq: count,
  share: weight,
  trace,
});
export type VoidMessage = v.InferOutput<typeof voidMessage>;

/** What comes to a merger. */
export const mergeMessage = v.union(
  [v.strictObject({ ...stageMessage.entries, share: weight }), voidMessage],
  'Expected an event, or a void, for a merger',
);
export type MergeMessage = StageMessage | VoidMessage;

/** What the bus could not bring to a queue comes as the event that it was. */
const unwrapped = (body: string): string => {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'detail-type' in value && 'detail' in value)
      return JSON.stringify(value.detail);
  } catch {
    // Whoever parses it next says what is wrong.
  }
  return body;
};

export const parseStageMessage = (body: string): Parsed<StageMessage> => parseMessage(stageMessage, unwrapped(body));
