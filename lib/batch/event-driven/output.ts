import { decodeCursor, encodeCursor } from '#batch/cursor';
import { persist, type Pause } from '#batch/pause';
import type { Table } from '#primitives/table';
import { jsonOf, numberOf, textOf } from '#primitives/field-values';
import { LANES, outputPartition, padded } from './records.ts';
import { bytesOf } from './event-size.ts';
import type { PipelineEvent } from './types.ts';

/** An event as it came out of the merger. */
export interface OutputEvent extends PipelineEvent {
  /** Its number within its key, as it was accepted: rising, with gaps where something was dropped. */
  readonly seq: number;
  /** The branch by which it came to the merger. */
  readonly input: string;
}

export interface OutputPage {
  readonly events: readonly OutputEvent[];
  /** Of what comes behind this page, now or later. */
  readonly cursor: string;
  /** Whether there was more when it was read. */
  readonly more: boolean;
}

const PAGE = 100;
/** Of a page's events, as JSON: the answer of a function takes 6 MB, and has the text in quotes once more. */
const PAGE_BYTES = 2_097_152;
const FORM = /^\d{1,12}(?:\.\d{1,12}){7}$/;

/** Undefined for what was not made here. */
const decode = (cursor: string | undefined): readonly number[] | undefined => {
  if (cursor === undefined) return Array.from({ length: LANES }, () => 0);
  return decodeCursor(cursor, FORM)?.split('.').map(Number);
};

/**
 * A page of what came out, behind a cursor: in each key's order, nothing twice, nothing left out. Whoever goes on with
 * the cursor, now or later, sees all that came out since.
 *
 * API calls: one for each of the eight lanes that is asked, until there are a hundred events, or 2 MiB.
 *
 * @returns undefined when the cursor was not made here.
 */
export const readOutput = async (
  table: Table,
  pipeline: string,
  cursor: string | undefined,
  pause: Pause,
): Promise<OutputPage | undefined> => {
  const given = decode(cursor);
  if (given === undefined) return undefined;
  const positions = [...given];
  const events: OutputEvent[] = [];
  let more = false;
  let bytes = 0;
  for (let lane = 0; lane < LANES; lane += 1) {
    const limit = PAGE - events.length;
    if (limit === 0) {
      more = true;
      break;
    }
    const after = positions[lane] ?? 0;
    const page = await persist('read output', pause, () =>
      table.query({
        partition: outputPartition(pipeline, lane),
        limit,
        ...(after === 0 ? {} : { after: padded(after) }),
      }),
    );
    let isCut = false;
    for (const { key, fields } of page.records) {
      const event = fields.event as { readonly [name: string]: never } | undefined;
      const output = {
        id: textOf(event?.id) ?? '',
        key: textOf(event?.key) ?? '',
        type: textOf(event?.type) ?? '',
        data: jsonOf(event?.data) ?? null,
        seq: numberOf(fields.seq),
        input: textOf(fields.input) ?? '',
      };
      bytes += bytesOf(output);
      isCut = events.length > 0 && bytes > PAGE_BYTES;
      if (isCut) break;
      positions[lane] = Number(key.sort);
      events.push(output);
    }
    more ||= isCut || page.next !== undefined;
    if (isCut) break;
  }
  return { events, cursor: encodeCursor(positions.join('.')), more };
};
