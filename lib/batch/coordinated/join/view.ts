import type { Fields, FieldValue } from '#primitives/table';
import { compareUtf8 } from '#primitives/utf8';
import { decodeCursor, encodeCursor } from '../../cursor.ts';
import { persist } from '../../pause.ts';
import { ARRIVED, branchesIn, EXPECTED, headKey, LATE, readHead, statusOf } from './records.ts';
import type { JoinStore } from './store.ts';
import type { ArrivalPage, JoinView } from './types.ts';

const MAX_NAMES = 1_000;
const PAGE_COUNT = 100;

const cut = (names: readonly string[]): readonly string[] => names.toSorted(compareUtf8).slice(0, MAX_NAMES);

/** How a join stands. One query, and one more for each further megabyte of branches. */
export const viewJoin = async (store: JoinStore, joinId: string): Promise<JoinView | undefined> => {
  const buckets: Fields[] = [];
  let head: Fields | undefined;
  let after: string | undefined;
  // A part that is not in the buckets yet counts: it was accepted.
  const parts: string[] = [];
  do {
    const from = after === undefined ? {} : { after };
    const page = await persist('read join', store.pause, () =>
      store.table.query({ partition: headKey(joinId).partition, ...from }),
    );
    for (const { key, fields } of page.records) {
      if (key.sort === 'head') head = fields;
      else if (key.sort.startsWith('bucket/')) buckets.push(fields);
      else if (Array.isArray(fields.branches))
        parts.push(...fields.branches.filter((each) => typeof each === 'string'));
    }
    after = page.next;
  } while (after !== undefined);
  if (head === undefined) return undefined;
  const states = new Map<string, FieldValue>(parts.map((name) => [name, EXPECTED]));
  for (const { name, state } of buckets.flatMap(branchesIn)) states.set(name, state);
  const named = [...states];
  const known = readHead(head);
  return {
    status: statusOf(known),
    expected: states.size,
    arrived: named.filter(([, state]) => state === ARRIVED).length,
    missing: cut(named.flatMap(([name, state]) => (state === ARRIVED ? [] : [name]))),
    late: cut(named.flatMap(([name, state]) => (state === LATE ? [name] : []))),
    ...(known.outcome === undefined ? {} : { outcome: known.outcome }),
  };
};

/** What the branches brought along, by name, page by page. Undefined for a cursor that no page has given. */
export const listArrivals = async (
  store: JoinStore,
  joinId: string,
  cursor?: string,
): Promise<ArrivalPage | undefined> => {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, /^[^\0]+$/);
  if (cursor !== undefined && after === undefined) return undefined;
  const from = after === undefined ? {} : { after };
  const page = await persist('read arrivals', store.pause, () =>
    store.table.query({ partition: `join-data/${joinId}`, limit: PAGE_COUNT, ...from }),
  );
  const arrivals = page.records.map(({ key, fields }) => {
    const { data } = fields;
    return { branch: key.sort, data: data === undefined || data instanceof Set ? null : (data as never) };
  });
  return page.next === undefined ? { arrivals } : { arrivals, cursor: encodeCursor(page.next) };
};
